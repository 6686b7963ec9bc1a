// The end of a client's connection after the last response. That response must reach the client even while it still
// sends: closing with unread bytes makes the kernel send RST, which may destroy the response before it is read. So our
// side is ended first, and what arrives is discarded until the client ends its side, within a bound of bytes and time
// (RFC 9112 section 9.6).
//
//   flushing ──all bytes have left──▶ waiting ──client ended, 1 s, too many bytes──▶ over
//      └── the client is gone, or reads nothing for limits.write_timeout ────────────▶ over
#pragma once

#include <cstddef>

#include "http/server/response_writer.h"
#include "net/stream.h"
#include "net/timer.h"

namespace tidegate::http {

class LingeringClose final : public net::StreamUser {
 public:
  class Owner {
   public:
    // The connection should be closed now; `reset`: the client has not read all, so it must not look whole.
    virtual void on_linger_over(bool reset) = 0;

   protected:
    ~Owner() = default;
  };

  // Stream, response and owner outlive it.
  LingeringClose(Server::Impl& server, net::Stream& stream, ResponseWriter& response, Owner& owner);

  // Becomes the stream's user and ends our side. `client_ended`: it has ended its side already.
  void start(bool client_ended);
  // Silence from now on: the connection closes before this is over.
  void stop() { timer_.stop(); }

 private:
  void on_read(std::string_view bytes) override;
  void on_read_end() override;
  void on_stream_error(const Error& error) override;
  void on_write_drained() override;
  void on_timer();
  void arm_timer();
  void end(bool reset = false);
  bool is_flushing() const { return stream_.write_pending() > 0; }

  Server::Impl& server_;
  net::Stream& stream_;
  ResponseWriter& response_;
  Owner& owner_;
  net::Timer timer_;
  size_t discarded_ = 0;
  bool client_ended_ = false;
};

}  // namespace tidegate::http
