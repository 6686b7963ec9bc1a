// Where a Redis server is, and our credentials: redis://user:password@host:port/database, or rediss:// for TLS.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "net/tls/tls_config.h"

namespace tidegate::redis {

struct Address {
  std::string host;  // a name or an address, without brackets
  uint16_t port = 6379;
  int database = 0;                              // 0 to 15 as shipped; the server says what it has
  std::string user;                              // "" = the default user
  std::string password;                          // "" = none
  std::optional<net::TlsClientConfig> tls = {};  // rediss://
  // "redis://host:port/database", for logs and messages: never the password.
  std::string shown() const;
  friend bool operator==(const Address&, const Address&) = default;
};

}  // namespace tidegate::redis
