// The job queue on a real redis-server (AOF, fsynced always): one server for the whole test program, a queue name of
// its own for each case.
#pragma once

#include <memory>

#include "jobs/redis/queue.h"
#include "support/redis_server.h"
#include "unit/jobs/contract/fixture.h"

namespace tidegate::jobs {

class RedisFixture : public RealFixture {
 public:
  explicit RedisFixture(const QueueLimits& limits = {});
  // On a server that the case may stop, kill and turn at will.
  explicit RedisFixture(test::RedisServer& server, const QueueLimits& limits = {});
  ~RedisFixture() { close(); }

  RecordStore& queue() { return *queue_; }
  RedisQueueOptions& options() { return options_; }
  test::RedisServer& server() { return server_; }
  // A key of this queue, as the server knows it.
  std::string key(const std::string& name) const { return "tidegate:{" + options_.name + "}:" + name; }

  void close() { RealFixture::close(std::move(queue_)); }
  // Without waiting for the server's good word.
  void open_anyway() { queue_ = open_redis_queue(options_); }
  void open();
  void restart() {
    close();
    open();
  }
  void until_available();
  void until_unavailable();

 protected:
  // By TLS, with the trust of the test program; not open yet.
  struct ByTls {};
  RedisFixture(test::RedisServer& server, const QueueLimits& limits, ByTls);

 private:
  test::RedisServer& server_;
  RedisQueueOptions options_;
  std::unique_ptr<RecordStore> queue_;
};

// The same by TLS.
class SecureRedisFixture : public RedisFixture {
 public:
  explicit SecureRedisFixture(const QueueLimits& limits = {});
  explicit SecureRedisFixture(test::RedisServer& server, const QueueLimits& limits = {})
      : RedisFixture(server, limits, ByTls()) {
    open();
  }
};

}  // namespace tidegate::jobs
