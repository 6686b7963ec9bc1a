// The queue on RabbitMQ, put to test on a real broker, with its records on a real Redis or in SQLite. Each bed has
// queues of its own.
#pragma once

#include <memory>
#include <string>

#include "jobs/rabbit/queue.h"
#include "jobs/rabbit/topology.h"
#include "support/rabbit_server.h"
#include "support/redis_server.h"
#include "unit/jobs/queue_beds.h"

namespace tidegate::jobs {

// On the program's one redis-server.
std::unique_ptr<RecordStore> open_redis_records(const std::string& name, const QueueLimits& limits);

class RabbitBed : public RealBed {
 public:
  enum class Records { redis, sqlite };
  // Queues made just now are relied on at once, unless a test kills the broker.
  explicit RabbitBed(const QueueLimits& limits = {}, Duration settle = {}, Records records = Records::redis);
  ~RabbitBed();

  JobQueue& queue() { return *queue_; }
  test::RabbitServer& server() { return server_; }
  const std::string& name() const { return name_; }
  std::string work() const { return work_queue(name_); }
  std::string dead() const { return dead_queue(name_); }
  std::unique_ptr<RecordStore> open_records();

  void open();
  void close() { RealBed::close(std::move(queue_)); }
  void restart() {
    close();
    open();
  }
  // The broker is there, and the queue knows it; or it is not, and the queue knows.
  void await_broker();
  void await_outage();
  void await(const std::string& queue, int depth);

 private:
  test::RabbitServer& server_ = test::RabbitServer::shared();
  const std::string name_;
  QueueLimits limits_;
  Duration settle_;
  Records records_;
  std::unique_ptr<JobQueue> queue_;
};

class RabbitOverSqliteBed : public RabbitBed {
 public:
  explicit RabbitOverSqliteBed(const QueueLimits& limits = {}) : RabbitBed(limits, {}, Records::sqlite) {}
};

#define EVERY_QUEUE RabbitBed, RabbitOverSqliteBed

}  // namespace tidegate::jobs

// Every case of a program with this bed needs the broker.
TEST_SUITE_BEGIN("rabbitmq" * doctest::skip(!tidegate::test::RabbitServer::installed() ||
                                            !tidegate::test::RedisServer::installed()));
