// The queue on a real RabbitMQ, with its records on a real Redis or in SQLite. Each fixture has queues of its own.
#pragma once

#include <memory>
#include <string>

#include "jobs/rabbit/broker/topology.h"
#include "jobs/rabbit/queue.h"
#include "support/rabbit_server.h"
#include "support/redis_server.h"
#include "unit/jobs/contract/fixture.h"

namespace tidegate::jobs {

// On the one redis-server of this test program.
std::unique_ptr<RecordStore> open_redis_records(const std::string& name, const QueueLimits& limits);

// Until the queue has noticed that its broker is available.
void await_available(RealFixture& fixture, const JobQueue& queue);

class RabbitFixture : public RealFixture {
 public:
  enum class Records { redis, sqlite };
  // Tests that kill the broker need `settle`; others use queues that were declared just now at once.
  explicit RabbitFixture(const QueueLimits& limits = {}, Duration settle = {}, Records records = Records::redis);
  ~RabbitFixture();

  JobQueue& queue() { return *queue_; }
  test::RabbitServer& server() { return server_; }
  const std::string& name() const { return name_; }
  std::string work() const { return work_queue(name_); }
  std::string dead() const { return dead_queue(name_); }
  std::unique_ptr<RecordStore> open_records();

  void open();
  void close() { RealFixture::close(std::move(queue_)); }
  void restart() {
    close();
    open();
  }
  void await_broker() { await_available(*this, *queue_); }
  // Until the queue has noticed that the broker is not available.
  void await_outage();
  // Until one of RabbitMQ's queues has so many messages.
  void await(const std::string& queue, int depth);

 private:
  test::RabbitServer& server_ = test::RabbitServer::shared();
  const std::string name_;
  QueueLimits limits_;
  Duration settle_;
  Records records_;
  std::unique_ptr<JobQueue> queue_;
};

class RabbitOverSqliteFixture : public RabbitFixture {
 public:
  explicit RabbitOverSqliteFixture(const QueueLimits& limits = {}) : RabbitFixture(limits, {}, Records::sqlite) {}
};

std::string random_bytes(size_t size, uint64_t seed);

#define EVERY_QUEUE RabbitFixture, RabbitOverSqliteFixture

}  // namespace tidegate::jobs

// Every case that includes this needs the broker.
TEST_SUITE_BEGIN("rabbitmq" * doctest::skip(!tidegate::test::RabbitServer::installed() ||
                                            !tidegate::test::RedisServer::installed()));
