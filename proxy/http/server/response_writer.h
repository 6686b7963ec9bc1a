// The response on one client's connection: its framing, the fields that belong to the connection, and as few writes as
// can be. The response headers are held back for the first piece of the body, so that both leave in one write; what is
// still held at the end of the event-loop iteration is flushed by the server.
//
//   none ──begin, send_headers──▶ begun ──finish──▶ finished ──next request: reset──▶ none
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/time.h"
#include "http/message/head.h"
#include "http/server/server_impl.h"
#include "net/stream.h"

namespace tidegate::http {

class ResponseWriter {
 public:
  enum class State : uint8_t { none, begun, finished };
  enum class Persistence : uint8_t { implied, keep_alive, close };  // what the Connection field says; implied: no field

  class Owner {
   public:
    // Bytes wait for the client to read: has_stalled() should be called from now on.
    virtual void on_write_blocked() = 0;

   protected:
    ~Owner() = default;
  };

  // All outlive it.
  ResponseWriter(Server::Impl& server, net::Stream& stream, Owner& owner)
      : server_(server), stream_(stream), owner_(owner), write_timeout_(server.limits.write_timeout) {}
  ResponseWriter(const ResponseWriter&) = delete;
  ResponseWriter& operator=(const ResponseWriter&) = delete;

  State state() const { return state_; }
  // For the next request of the connection. REQUIRES that nothing is held.
  void reset() {
    state_ = State::none;
    interim_sent_ = 0;
    write_timeout_ = server_.limits.write_timeout;
  }

  // Chooses the framing. `length`: of the body, or Responder::kUnknownLength.
  void begin(const RequestHead& request, uint16_t status, uint64_t length);
  // The body has no length and no chunks (HTTP/1.0): it ends with the connection.
  bool ends_with_connection() const { return framing_ == BodyFraming::until_close; }
  // REQUIRES begin(). `head`: as HeadWriter wrote it, without framing and connection fields.
  void send_headers(std::string_view head, Persistence persistence);
  // REQUIRES send_headers(). Ignored where the response has no body. More than the promised length asserts.
  void send_body(std::string_view piece);
  // False: fewer bytes than promised were sent; the connection must be reset.
  bool finish();

  void send_continue();
  // REQUIRES that nothing has begun. See Responder.
  void send_interim(const RequestHead& request, std::string_view head);
  // A whole response to what never became a request; the connection closes after it. `to_head`: it has no body.
  void send_refusal(uint16_t status, const Service::Refusal& refusal, bool to_head);

  // Sends what is held back.
  void flush();
  // Drops what is held back: the connection closes.
  void discard();

  // limits.write_timeout, when the request began.
  Duration write_timeout() const { return write_timeout_; }
  // No byte has left for so long although some wait. Called at least four times in that time.
  bool has_stalled(Time now);

 private:
  enum class BodyFraming : uint8_t { none, counted, chunked, until_close };

  void send_chunk(std::string_view piece);
  void hold();
  void write(std::span<const std::string_view> pieces);

  Server::Impl& server_;
  net::Stream& stream_;
  Owner& owner_;
  Duration write_timeout_;
  State state_ = State::none;
  BodyFraming framing_ = BodyFraming::none;
  uint8_t interim_sent_ = 0;
  uint16_t status_ = 0;
  uint64_t length_ = 0;     // as promised
  uint64_t body_left_ = 0;  // of it, not sent yet
  std::string held_;        // lent by the server while is_held_
  bool is_held_ = false;

  uint64_t written_ = 0;       // bytes given to the stream
  uint64_t acknowledged_ = 0;  // of them, by the client, when last looked at
  Time progress_at_{};
};

}  // namespace tidegate::http
