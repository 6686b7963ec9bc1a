// The TLS handshake on a connection that has just been made. Nothing else may be read or written meanwhile.
//
//   handshaking ──complete──▶ ended (a TlsStream)
//        └── the peer breaks TLS or goes away, a certificate is refused, the time is over ──▶ ended (an error, in words)
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/runtime.h"
#include "net/tls/tls_context.h"
#include "net/tls/tls_engine.h"

namespace tidegate::net {

// The callback runs later, once; it may destroy the operation. The runtime outlives it and the stream. Errors: timeout;
// refused, the peer has used nothing that was sent; cancelled, the same, and it has closed without a byte.
// `to_plain_peer`: said to one that does not speak TLS; it lives as long as the program.
[[nodiscard]] std::unique_ptr<Operation> tls_handshake(Runtime& runtime, std::unique_ptr<Stream> stream,
                                                       std::unique_ptr<TlsEngine> engine, Duration timeout,
                                                       ConnectCallback done, std::string_view to_plain_peer = {});

// How to reach a server by TLS.
struct TlsTarget {
  std::shared_ptr<TlsContext> context;
  TlsServerName server;
  Duration handshake_timeout;
};

// `connect` makes the connection, then comes the handshake, within its own time. Errors: those of both;
// invalid, our own files cannot be used.
using Connect = std::function<std::unique_ptr<Operation>(ConnectCallback done)>;
[[nodiscard]] std::unique_ptr<Operation> connect_tls(Runtime& runtime, TlsTarget target, const Connect& connect,
                                                     ConnectCallback done);

}  // namespace tidegate::net
