// A connected byte stream. The owner holds it by unique_ptr; destroying it closes the connection at once (unsent bytes
// are dropped) and guarantees silence. It may be destroyed inside any of its own callbacks.
//
//        start_reading             peer's FIN              destroy
//   idle ────────────▶ reading ───────────────▶ ended ───────────────▶ closed
//     ▲  stop_reading     │                                  ▲
//     └───────────────────┘     on_stream_error ─────────────┘ (the owner's move)
//
// Where writing fails first (EPIPE, ECONNRESET) the user may have what was sent before read to its end.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "base/ip.h"
#include "base/result.h"

namespace tidegate::net {

// The callbacks of a Stream. Outlives the Stream, or is replaced by set_user first.
class StreamUser {
 public:
  // `bytes` is valid during the call only. Never empty.
  virtual void on_read(std::string_view bytes) = 0;
  // The peer has ended its side; nothing more will be read.
  virtual void on_read_end() = 0;
  // A write has failed since the peer has closed the connection; nothing more is written. At most once, later. True:
  // what the peer sent before it closed is still wanted: it is read, then on_read_end or on_stream_error follows.
  // Reading it never waits, since nothing more can arrive. Must not destroy the stream.
  virtual bool on_write_failed() { return false; }
  // The connection is broken (reset, write failure): nothing more will be read or written. At most once.
  virtual void on_stream_error(const Error& error) = 0;
  // write_pending() has fallen to 0 after a write that could not be taken whole by the kernel.
  virtual void on_write_drained() = 0;

 protected:
  ~StreamUser() = default;
};

class Stream {
 public:
  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  virtual ~Stream() = default;

  // A new stream reads nothing until start_reading. REQUIRES a user before start_reading or write.
  virtual void set_user(StreamUser* user) = 0;
  virtual void start_reading() = 0;
  virtual void stop_reading() = 0;

  // Writes the pieces in order. What the kernel does not take at once is copied and sent later: the caller must watch
  // write_pending() and hold back (the stream itself never refuses). An error is reported by on_stream_error, later,
  // never inside this call.
  virtual void write(std::span<const std::string_view> pieces) = 0;
  void write(std::string_view bytes) { write(std::span(&bytes, 1)); }

  // Bytes accepted by write() that the kernel has not taken yet.
  virtual size_t write_pending() const = 0;

  // Of the bytes given to write(), those that the peer has not acknowledged. It falls while a slow peer reads, where
  // write_pending() falls in steps as large as the kernel's buffer. Never more than that: where the connection breaks,
  // some may be forgotten. May cost a system call.
  virtual size_t unacknowledged() const = 0;

  // What has arrived and has not been reported. An end stays one: also once it has been reported, and where a reset
  // came behind it. Costs a system call.
  enum class Unread { nothing, bytes, end, error };
  virtual Unread unread() const = 0;

  // Sends FIN after all pending bytes. Reading goes on.
  virtual void end_writing() = 0;

  // Makes the coming destruction send RST instead of FIN: the peer learns that the message is incomplete.
  virtual void reset_on_close() = 0;

  virtual SocketAddress peer() const = 0;
  virtual SocketAddress local() const = 0;
};

}  // namespace tidegate::net
