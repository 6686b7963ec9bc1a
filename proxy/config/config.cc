#include "config/config.h"

#include <fmt/format.h>

namespace tidegate::config {

std::string AmqpUrl::shown() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return fmt::format("amqp://{}@{}:{}/{}", user, name, port, vhost == "/" ? "" : vhost);
}

}  // namespace tidegate::config
