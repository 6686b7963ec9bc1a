#include "config/config.h"

#include <fmt/format.h>

namespace tidegate::config {

std::string AmqpUrl::shown() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return fmt::format("{}://{}@{}:{}/{}", tls ? "amqps" : "amqp", user, name, port, vhost == "/" ? "" : vhost);
}

std::vector<const net::TlsClientConfig*> Queue::tls() const {
  std::vector<const net::TlsClientConfig*> all;
  const auto add = [&](const std::optional<net::TlsClientConfig>& tls) {
    if (tls) all.push_back(&*tls);
  };
  if (const auto* redis = std::get_if<redis::Address>(&url)) add(redis->tls);
  if (const auto* amqp = std::get_if<AmqpUrl>(&url)) add(amqp->tls);
  if (const auto* redis = results_url ? std::get_if<redis::Address>(&*results_url) : nullptr) add(redis->tls);
  return all;
}

}  // namespace tidegate::config
