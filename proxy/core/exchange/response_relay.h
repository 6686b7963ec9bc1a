// The response on its way to the client. It is taken at the upstream's pace, so that the upstream is free as soon as it
// is done, however slowly the client reads: what the client has not read waits in memory, then in an unlinked temporary
// file. Only where both are full does the upstream wait, and then the client must keep limits.min_rate.
//
//           more unsent than memory takes               read to its end
//   direct ───────────────────────────────▶ through_file ──────────────▶ direct
//      └──────── the upstream is done, all has been handed over ────────▶ sent
//
// A file that cannot be opened or written loses nothing: what it holds is read, what it does not hold is in memory, and
// the upstream waits from then on.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/buffer_budget.h"
#include "core/exchange/slow_client.h"
#include "core/routing/route_table.h"
#include "core/upstream/attempt.h"
#include "core/worker.h"
#include "http/server/server.h"

namespace tidegate::core {

class ResponseRelayUser {
 public:
  // The upstream is done, and the response has been handed over: finish() may be called. Never inside a call but end().
  virtual void on_response_sent() = 0;
  // The client reads too slowly; or a part of the response cannot be read back from the disk. It must be cut off.
  // Never inside a call.
  virtual void on_response_stuck(policy::Outcome why, std::string_view reason) = 0;

 protected:
  ~ResponseRelayUser() = default;
};

// Sends a 1xx response on, before the response that it announces. It holds nothing up and promises nothing: what
// follows may be another attempt's response, or Tidegate's own.
void relay_interim(Worker& worker, http::Responder& responder, const http::ResponseHead& interim,
                   std::string_view request_id);

class ResponseRelay {
 public:
  static constexpr size_t kUnsentMax = 64 * 1024;  // waits in memory at least, and at the end when all is handed over

  // `attempt`: that receives the response; it is paused and resumed, and must live until end(). All others outlive the
  // relay.
  ResponseRelay(Worker& worker, const RouteState& route, http::Responder& responder, Attempt& attempt,
                ResponseRelayUser& user);

  // Sends the response headers.
  void begin(const http::ResponseHead& response, std::string_view request_id);
  void receive(std::string_view piece);
  // The response is whole; the attempt may go.
  void end();
  // The client has taken what was written.
  void on_drained();

  // Bytes received from the upstream.
  uint64_t received() const { return received_; }
  uint16_t status() const { return status_; }

 private:
  bool fits_memory() const;
  bool may_open_file() const;
  bool goes_to_file();
  bool has_room() const;
  void balance();
  void watch();
  void send(std::string_view bytes);
  void charge();
  void write_on();
  void on_written(const Status& written, const std::string& not_written);
  void read_on();
  void on_read(const Result<std::string>& bytes);
  void advance();

  Worker& worker_;
  http::Responder& responder_;
  config::Buffering buffering_;
  const config::ListenerLimits& limits_;
  Attempt* attempt_;  // null: the upstream is done
  ResponseRelayUser& user_;
  BufferShare share_;
  uint16_t status_ = 0;
  bool memory_short_ = false;            // what waits in memory is not covered by the share
  bool file_failed_ = false;             // no file for the rest of this response
  std::unique_ptr<net::TempFile> file_;  // through_file
  bool busy_ = false;                    // the file does one thing at a time
  std::string unwritten_;                // waits for the file
  size_t being_written_ = 0;             // bytes of the append under way
  uint64_t read_ = 0;                    // of the file, from its beginning
  uint64_t received_ = 0;
  uint64_t handed_over_ = 0;               // to the responder
  std::optional<SlowClient> slow_client_;  // from the first time that the upstream has to wait
};

}  // namespace tidegate::core
