#include "http/server/tls_accept.h"

#include "net/tls/tls_handshake.h"

namespace tidegate::http {

namespace {

// To a client that speaks plain HTTP, in the form that every version of it reads.
constexpr std::string_view kSpeakTls =
    "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
    "This port is for https:// requests.\n";

}  // namespace

void TlsAccept::begin(std::unique_ptr<net::Stream> stream, Duration timeout, net::ConnectCallback done) {
  auto generation = context_->current();
  if (!generation) return done(Error{ErrorCode::unavailable, net::kTlsFilesUnusable});
  const auto at = under_way_.emplace(under_way_.end());
  *at = net::tls_handshake(
      runtime_, std::move(stream), std::make_unique<net::TlsEngine>(std::move(generation)), timeout,
      [this, at, done = std::move(done)](Result<std::unique_ptr<net::Stream>> secured) {
        const std::unique_ptr<net::Operation> finished = std::move(*at);
        under_way_.erase(at);
        done(std::move(secured));
      },
      kSpeakTls);
}

}  // namespace tidegate::http
