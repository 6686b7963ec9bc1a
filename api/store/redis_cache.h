// Results in Redis, shared by all replicas and kept over a restart: SET watermark:result:KEY VALUE PX ttl, the value as
// cached_value.h has it. Belongs to its loop.
//
// A cache is never waited for and never an error: while the server is away, silent for a second, or has commands_max
// commands to answer, everything is a miss and nothing is kept. What is damaged is a miss too, and is removed.
#pragma once

#include <memory>
#include <optional>
#include <unordered_map>

#include "api/store/cache.h"
#include "net/timer.h"
#include "redis/client.h"

namespace tidegate::api {

struct RedisCacheOptions {
  Duration ttl = kResultTtl;          // >= 1 ms
  Duration command_timeout = 1s;      // a connection whose server is silent for so long is given up
  size_t commands_max = 50;           // without a reply; more is a miss
  size_t value_bytes_max = 64 << 20;  // larger pictures are not kept
};

class RedisCache final : public ResultCache {
 public:
  // Begins to connect at once. The runtime outlives the cache, the cache the operations that it gives.
  RedisCache(net::Runtime& runtime, redis::Address address, const RedisCacheOptions& options = {});

  std::unique_ptr<net::Operation> get(std::string_view key, GetCallback done) override;
  void put(std::string_view key, ObjectPtr object) override;
  std::unique_ptr<net::Operation> check(CheckCallback done) override;
  void close(std::function<void()> done) override;
  size_t bytes() const override { return 0; }
  uint64_t errors() const override { return errors_; }

  bool connected() const { return client_ && client_->ready(); }
  // Commands of puts and removals that have no reply yet.
  size_t writes_pending() const { return writes_.size(); }

 private:
  bool takes_more() const { return client_ && !on_closed_ && client_->commands_pending() < options_.commands_max; }
  void on_change();
  ObjectPtr on_reply(const std::string& key, Result<redis::Reply> reply);
  void end();
  void write(std::vector<std::string> command);
  void on_written(uint64_t number, const Result<redis::Reply>& reply);

  net::Runtime& runtime_;
  const RedisCacheOptions options_;
  const std::string server_;         // for the log
  std::function<void()> on_closed_;  // closing
  net::Timer end_;                   // closing: when writes_ is empty, or has been waited for
  uint64_t next_write_ = 0;
  uint64_t errors_ = 0;
  std::optional<redis::Client> client_;  // nothing: closed
  std::unordered_map<uint64_t, std::unique_ptr<net::Operation>> writes_;
};

}  // namespace tidegate::api
