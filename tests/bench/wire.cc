#include "wire.h"

#include <openssl/err.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace tidegate::bench {

namespace {

constexpr const char* kServer = "127.0.0.1";

}  // namespace

TlsTrust::TlsTrust(const char* ca_file) : context_(SSL_CTX_new(TLS_client_method())) {
  SSL_CTX_set_verify(get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (SSL_CTX_load_verify_file(get(), ca_file) == 1) return;
  ERR_print_errors_fp(stderr);
  std::exit(1);
}

Wire Wire::connect(std::uint16_t port, const TlsTrust* trust) {
  Wire wire;
  wire.fd_ = connect_loopback(port);
  if (!wire.fd_ || trust == nullptr) return wire;
  int on = 0;
  if (ioctl(wire.fd_.get(), FIONBIO, &on) != 0) die("FIONBIO");
  wire.ssl_.reset(SSL_new(trust->get()));
  SSL_set_fd(wire.ssl_.get(), wire.fd_.get());
  X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(wire.ssl_.get()), kServer);
  if (SSL_connect(wire.ssl_.get()) != 1) {
    ERR_print_errors_fp(stderr);
    return {};
  }
  on = 1;
  if (ioctl(wire.fd_.get(), FIONBIO, &on) != 0) die("FIONBIO");
  return wire;
}

ssize_t Wire::result_of(int done, std::size_t count) const {
  if (done == 1) return static_cast<ssize_t>(count);
  const int error = SSL_get_error(ssl_.get(), done);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return kNone;
  ERR_clear_error();
  return error == SSL_ERROR_ZERO_RETURN ? 0 : kBroken;
}

ssize_t Wire::send(std::string_view bytes) {
  std::size_t count = 0;
  if (ssl_) {
    const int done = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &count);
    return result_of(done, count);
  }
  const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  return sent >= 0 ? sent : errno == EAGAIN ? kNone : kBroken;
}

ssize_t Wire::receive(char* into, std::size_t size) {
  std::size_t count = 0;
  if (ssl_) {
    const int done = SSL_read_ex(ssl_.get(), into, size, &count);
    return result_of(done, count);
  }
  const ssize_t got = ::recv(fd_.get(), into, size, 0);
  return got >= 0 ? got : errno == EAGAIN ? kNone : kBroken;
}

}  // namespace tidegate::bench
