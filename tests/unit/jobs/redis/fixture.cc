#include "unit/jobs/redis/fixture.h"

namespace tidegate::jobs {

namespace {

test::RedisServer& the_server() {
  static test::RedisServer server({.append_only = true});
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
