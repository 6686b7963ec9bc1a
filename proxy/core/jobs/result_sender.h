// Sends a stored result to a client: its status and headers, and its body piece by piece, as fast as the client takes
// it.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "http/message/writer.h"
#include "http/server/server.h"
#include "jobs/job_queue.h"

namespace tidegate::core {

class ResultSender {
 public:
  // `done` runs once, perhaps inside start() or resume(): true = the response is whole; false = the store failed and
  // the connection was cut. The responder outlives this; this outlives the call that `done` runs in.
  ResultSender(http::Responder& responder, jobs::ResultReader result, std::function<void(bool whole)> done);

  // `more`: further "Name: value\r\n" lines, X-Request-Id among them.
  void start(std::string_view more);
  // The client has taken what was written.
  void resume();
  uint64_t sent() const { return sent_; }

 private:
  static constexpr size_t kPiece = 60 * 1024;

  uint64_t length() const;
  void send_next();
  void on_piece(Result<std::string> piece);

  http::Responder& responder_;
  const jobs::ResultReader result_;
  std::function<void(bool)> done_;
  std::unique_ptr<net::Operation> reading_;
  uint64_t sent_ = 0;
  bool ended_ = false;
};

}  // namespace tidegate::core
