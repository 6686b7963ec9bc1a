// A client that sends bytes in pieces and has a StrictReader judge what comes back.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "loopback/cases/piece_sender.h"
#include "loopback/cases/strict_reader.h"
#include "net/runtime.h"
#include "unit/http/raw_client.h"

namespace tidegate::loopback {

class CaseClient final : private net::StreamUser {
 public:
  // `is_head`: the first request is a HEAD. That of another is known by its echo.
  CaseClient(const test::RawClient::Connect& connect, bool is_head);

  // Called once after each iteration of the event loop.
  void step();
  // The gateway reads from it, and has read all that was sent.
  bool is_ready() const { return since_connected_ >= kIterationsToAccept && !sender_; }
  // REQUIRES is_ready().
  void send(std::string bytes, Cuts cuts = {}) { sender_.emplace(std::move(bytes), std::move(cuts)); }
  // If what came before has left; else false, and nothing is sent.
  bool send_more(std::string_view bytes);
  void end() { stream_->end_writing(); }
  void leave();

  // The gateway has ended the connection, or broken it, or this has left.
  bool is_over() const { return over_; }
  const StrictReader& received() const { return received_; }
  bool has_final_response() const;

 private:
  // One to accept, one to be told of the first bytes, one to spare.
  static constexpr int kIterationsToAccept = 3;

  void on_read(std::string_view bytes) override { received_.read(bytes); }
  void on_read_end() override;
  void on_stream_error(const Error&) override { over_ = true; }
  void on_write_drained() override {}

  StrictReader received_;
  std::optional<PieceSender> sender_;
  std::unique_ptr<net::Operation> connecting_;
  std::unique_ptr<net::Stream> stream_;
  int since_connected_ = 0;
  bool over_ = false;
};

}  // namespace tidegate::loopback
