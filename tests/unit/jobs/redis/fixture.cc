#include "unit/jobs/redis/fixture.h"

namespace tidegate::jobs {

namespace {

test::RedisServer& the_server() {
  static test::RedisServer server({.append_only = true, .tls = test::Authority::server_of_program()});
  return server;
}

std::string next_name() {
  static int cases = 0;
  return "case-" + std::to_string(++cases);
}

}  // namespace

RedisFixture::RedisFixture(const QueueLimits& limits) : RedisFixture(the_server(), limits) {}

RedisFixture::RedisFixture(test::RedisServer& server, const QueueLimits& limits) : server_(server) {
  options_.address = server.address();
  options_.name = next_name();
  options_.limits = limits;
  options_.poll_every = 200ms;
  open();
}

RedisFixture::RedisFixture(test::RedisServer& server, const QueueLimits& limits, ByTls) : server_(server) {
  options_.address = server.tls_address({.ca_file = test::Authority::of_program().ca_file()});
  options_.tls = net::make_tls_server(*options_.address.tls, net::TlsContext::Alpn::none);
  options_.name = next_name();
  options_.limits = limits;
  options_.poll_every = 200ms;
}

SecureRedisFixture::SecureRedisFixture(const QueueLimits& limits) : SecureRedisFixture(the_server(), limits) {}

void RedisFixture::open() {
  open_anyway();
  until_available();
}

void RedisFixture::until_available() {
  run_until([&] { return queue_->view().available; });
}

void RedisFixture::until_unavailable() {
  run_until([&] { return !queue_->view().available; });
}

}  // namespace tidegate::jobs
