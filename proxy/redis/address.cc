#include "redis/address.h"

namespace tidegate::redis {

std::string Address::shown() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  const std::string who = user.empty() ? "" : user + "@";
  return (tls ? "rediss://" : "redis://") + who + name + ":" + std::to_string(port) + "/" + std::to_string(database);
}

}  // namespace tidegate::redis
