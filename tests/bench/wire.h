// A connection of the load generator: plain, or with TLS by OpenSSL. The handshake is part of the connect, which
// blocks.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "socket.h"

namespace tidegate::bench {

// How to speak TLS: verified by that file, which names an authority or the server itself. Ends the program where it
// cannot be used.
class TlsTrust {
 public:
  explicit TlsTrust(const char* ca_file);
  SSL_CTX* get() const { return context_.get(); }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  std::unique_ptr<SSL_CTX, Free> context_;
};

class Wire {
 public:
  // Non-blocking once it is there. Empty: refused, or the handshake has failed, which is printed. `trust`: null for a
  // plain connection.
  static Wire connect(std::uint16_t port, const TlsTrust* trust);
  Wire() = default;

  explicit operator bool() const { return static_cast<bool>(fd_); }
  const Fd& fd() const { return fd_; }

  // How many bytes were taken, got; 0: the peer has ended; -1: none for now; -2: the connection is broken.
  static constexpr ssize_t kNone = -1, kBroken = -2;
  ssize_t send(std::string_view bytes);
  ssize_t receive(char* into, std::size_t size);
  // A read that was not full has taken all that there was.
  bool short_read_is_all() const { return ssl_ == nullptr; }

 private:
  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  ssize_t result_of(int done, std::size_t count) const;

  Fd fd_;
  std::unique_ptr<SSL, Free> ssl_;  // before fd_ closes
};

}  // namespace tidegate::bench
