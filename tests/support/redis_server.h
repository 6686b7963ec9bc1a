// A real redis-server for one test, on a free loopback port, with its data in its own folder. It ends with its owner,
// and with the test program however that ends. Calls block until they are done.
//
//   TEST_CASE("…") {
//     NEEDS_REDIS();
//     RedisServer server({.append_only = true});
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "redis/address.h"
#include "redis/reply.h"
#include "support/certificates.h"
#include "support/server.h"

// Skips the test where no redis-server is installed.
#define NEEDS_REDIS()                                       \
  if (!::tidegate::test::RedisServer::installed()) {        \
    MESSAGE("skipped: redis-server is not installed here"); \
    return;                                                 \
  }                                                         \
  static_assert(true)

namespace tidegate::test {

struct RedisServerOptions {
  bool append_only = false;
  std::string append_fsync = "always";  // or everysec, no
  std::string password{};
  std::vector<std::string> more{};  // further arguments, such as {"--maxmemory", "10mb"}
  CertificateFiles tls{};           // listens on tls_port() too
  std::string tls_client_ca{};      // there clients need a certificate of it
};

class RedisServer : public Server {
 public:
  static bool installed();

  // Starts it; throws where it does not start.
  explicit RedisServer(RedisServerOptions options = {});

  void start();  // on the same port and data, after stop or kill

  redis::Address address(int database = 0) const;
  uint16_t port() const { return port_; }
  // As rediss://, with this trust in it.
  redis::Address tls_address(const net::TlsClientConfig& tls) const;
  uint16_t tls_port() const { return tls_port_; }
  // From now on it shows that certificate.
  void use_certificate(const CertificateFiles& files) const;

  // One command on its own connection; blocks. Throws where the server does not reply.
  redis::Reply ask(const std::vector<std::string>& command) const;

 private:
  bool comes_up();
  std::vector<std::string> tls_arguments();

  RedisServerOptions options_;
  uint16_t tls_port_ = 0;
};

}  // namespace tidegate::test
