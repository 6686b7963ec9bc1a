// From where a server is to a connection with it, with TLS where it is asked for: for connections that are made now and
// then, to stores, callbacks and referenced bodies. Those to upstreams are core/upstream/endpoint.h's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "net/connect_host.h"
#include "net/runtime.h"
#include "net/tls/tls_context.h"

namespace tidegate::net {

// How TLS is spoken to one server.
struct TlsServer {
  std::shared_ptr<TlsContext> context;  // null: no TLS
  std::string name = {};                // what its certificate must be for; "" = the host that is connected to
  Duration handshake_timeout = TlsClientConfig().handshake_timeout;

  bool used() const { return context != nullptr; }
  // How long the handshake may take.
  Duration time_max() const { return used() ? handshake_timeout : Duration::zero(); }
};

// `timeout`: of connecting by TCP; the handshake has its own. The callback runs later, once; it may destroy the
// operation. The runtime outlives it. Errors: as connect_host and connect_tls.
[[nodiscard]] std::unique_ptr<Operation> connect_server(Runtime& runtime, const std::string& host, uint16_t port,
                                                        const TlsServer& tls, Duration timeout, ConnectCallback done);

// Of a server that is configured so; none: without TLS. Its files were checked when the configuration was loaded, and
// where they cannot be used any more there is a context all the same.
TlsServer make_tls_server(const std::optional<TlsClientConfig>& config, TlsContext::Alpn alpn);

}  // namespace tidegate::net
