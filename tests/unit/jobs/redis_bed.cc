#include "unit/jobs/redis_bed.h"

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

RedisBed::RedisBed(const QueueLimits& limits) : RedisBed(the_server(), limits) {}

RedisBed::RedisBed(test::RedisServer& server, const QueueLimits& limits) : server_(server) {
  options_.address = server.address();
  options_.name = next_name();
  options_.limits = limits;
  options_.poll_every = 200ms;
  open();
}

void RedisBed::open() {
  open_anyway();
  until_available();
}

void RedisBed::until_available() {
  run_until([&] { return queue_->view().available; });
}

void RedisBed::until_unavailable() {
  run_until([&] { return !queue_->view().available; });
}

}  // namespace tidegate::jobs
