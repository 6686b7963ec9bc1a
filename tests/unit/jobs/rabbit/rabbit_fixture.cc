#include "unit/jobs/rabbit/rabbit_fixture.h"

#include "jobs/redis/queue.h"
#include "jobs/sqlite/queue.h"
#include "support/redis_server.h"

namespace tidegate::jobs {

namespace {

std::string next_name() {
  static int count = 0;
  return "case" + std::to_string(++count);
}

}  // namespace

std::string random_bytes(size_t size, uint64_t seed) {
  Random random(seed);
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random.next());
  return bytes;
}

std::unique_ptr<RecordStore> open_redis_records(const std::string& name, const QueueLimits& limits) {
  static test::RedisServer server({.append_only = true});
  RedisQueueOptions options;
  options.address = server.address();
  options.name = name;
  options.limits = limits;
  return open_redis_queue(options);
}

void await_available(RealFixture& fixture, const JobQueue& queue) {
  for (int i = 0; i < 5 && !queue.view().available; ++i) {
    bool over = false;
    net::Timer timer(fixture.home(), [&] { over = true; });
    timer.start_after(5s);
    fixture.run_until([&] { return over || queue.view().available; });
  }
  REQUIRE_MESSAGE(queue.view().available, queue.view().why_unavailable);
}

RabbitFixture::RabbitFixture(const QueueLimits& limits, Duration settle, Records records)
    : name_(next_name()), limits_(limits), settle_(settle), records_(records) {
  open();
}

RabbitFixture::~RabbitFixture() {
  close();
  for (const std::string& queue : {work(), dead(), delay_queue(name_, 1), delay_queue(name_, 2)}) {
    server_.delete_queue(queue);
  }
}

std::unique_ptr<RecordStore> RabbitFixture::open_records() {
  if (records_ == Records::redis) return open_redis_records(name_, limits_);
  SqliteOptions options;
  options.path = file("records.db");
  options.limits = limits_;
  auto opened = open_sqlite_queue(options);
  REQUIRE(opened.ok());
  return std::move(*opened);
}

void RabbitFixture::open() {
  RabbitQueueOptions options;
  options.url.host = "127.0.0.1";
  options.url.port = server_.port();
  options.name = name_;
  options.limits = limits_;
  options.settle = settle_;
  options.records = open_records();
  queue_ = open_rabbit_queue(std::move(options));
  await_broker();
}

void RabbitFixture::await_outage() {
  run_until([&] { return !queue_->view().available; });
}

void RabbitFixture::await(const std::string& queue, int depth) {
  std::optional<int> seen = server_.depth(queue);
  for (int looks = 0; seen != depth && looks < 2000; ++looks) {  // the bound only ends a broken run
    pass(30ms);
    seen = server_.depth(queue);
  }
  REQUIRE(seen == depth);
}

}  // namespace tidegate::jobs
