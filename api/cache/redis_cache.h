// A cache of results in Redis, shared by all replicas and kept over a restart: SET watermark:result:KEY VALUE PX ttl,
// with the value format of cached_value.h. For the event loop's thread only.
//
// While the server is unavailable, silent for a second, or has commands_max pending commands, every get is a miss and
// nothing is cached. A damaged value is a miss and is deleted.
#pragma once

#include <memory>
#include <optional>
#include <unordered_map>

#include "api/cache/result_cache.h"
#include "net/timer.h"
#include "redis/client.h"

namespace tidegate::api {

struct RedisCacheOptions {
  Duration ttl = kResultTtl;          // >= 1 ms
  Duration command_timeout = 1s;      // closes a connection whose server is silent for so long
  size_t commands_max = 50;           // pending; further gets are misses
  size_t value_bytes_max = 64 << 20;  // larger pictures are not cached
  net::TlsServer tls = {};            // where the server is rediss://
};

class RedisCache final : public ResultCache {
 public:
  // Begins to connect at once. The runtime must outlive the cache, the cache its operations.
  RedisCache(net::Runtime& runtime, redis::Address address, const RedisCacheOptions& options = {});

  std::unique_ptr<net::Operation> get(std::string_view key, GetCallback done) override;
  void put(std::string_view key, ObjectPtr object) override;
  std::unique_ptr<net::Operation> check(CheckCallback done) override;
  void close(std::function<void()> done) override;
  size_t bytes() const override { return 0; }
  uint64_t errors() const override { return errors_; }

  bool connected() const { return client_ && client_->ready(); }
  // Writes and deletions without a reply yet.
  size_t writes_pending() const { return writes_.size(); }

 private:
  bool accepts_commands() const {
    return client_ && !on_closed_ && client_->commands_pending() < options_.commands_max;
  }
  void on_change();
  ObjectPtr on_reply(const std::string& key, Result<redis::Reply> reply);
  void end();
  void write(std::vector<std::string> command);
  void on_written(uint64_t number, const Result<redis::Reply>& reply);

  net::Runtime& runtime_;
  const RedisCacheOptions options_;
  const std::string server_;         // for the log
  std::function<void()> on_closed_;  // while closing
  net::Timer end_;                   // while closing: until writes_ is empty, or the timeout
  uint64_t next_write_ = 0;
  uint64_t errors_ = 0;
  bool is_unavailable_ = false;          // as logged
  std::optional<redis::Client> client_;  // nothing: closed
  std::unordered_map<uint64_t, std::unique_ptr<net::Operation>> writes_;
};

}  // namespace tidegate::api
