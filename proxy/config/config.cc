#include "config/config.h"

#include <fmt/format.h>

#include "config/url_tls.h"

namespace tidegate::config {

std::string AmqpUrl::shown() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return fmt::format("{}://{}@{}:{}/{}", tls ? "amqps" : "amqp", user, name, port, vhost == "/" ? "" : vhost);
}

std::vector<const net::TlsClientConfig*> Queue::tls() const {
  std::vector<const net::TlsClientConfig*> all;
  for (const auto* tls : {tls_of(url), tls_of(results_url)}) {
    if (tls && *tls) all.push_back(&**tls);
  }
  return all;
}

}  // namespace tidegate::config
