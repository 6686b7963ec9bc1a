#include "net/tls/connect_server.h"

#include "net/tls/tls_handshake.h"

namespace tidegate::net {

std::unique_ptr<Operation> connect_server(Runtime& runtime, const std::string& host, uint16_t port,
                                          const TlsServer& tls, Duration timeout, ConnectCallback done) {
  if (!tls.used()) return connect_host(runtime, host, port, timeout, std::move(done));
  const std::string& expected = tls.name.empty() ? host : tls.name;
  return connect_tls(
      runtime, {tls.context, {expected, host + ":" + std::to_string(port)}, tls.handshake_timeout},
      [&](ConnectCallback connected) { return connect_host(runtime, host, port, timeout, std::move(connected)); },
      std::move(done));
}

TlsServer make_tls_server(const std::optional<TlsClientConfig>& config, TlsContext::Alpn alpn) {
  if (!config) return {};
  std::vector<TlsFileProblem> problems;
  return {TlsContext::for_servers(*config, alpn, problems), config->server_name, config->handshake_timeout};
}

}  // namespace tidegate::net
