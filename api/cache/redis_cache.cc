#include "api/cache/redis_cache.h"

#include <string>
#include <utility>
#include <vector>

#include "api/cache/cached_value.h"
#include "api/store/next_iteration.h"
#include "base/assert.h"
#include "base/log.h"

namespace tidegate::api {

namespace {

constexpr size_t kDescriptionMax = 1 << 10;  // of a value's format, and of a command besides its value

std::string full_key(std::string_view key) { return std::string("watermark:result:").append(key); }

redis::ClientOptions client_options(const RedisCacheOptions& options) {
  redis::ClientOptions client;
  client.command_timeout = options.command_timeout;
  client.tls = options.tls;
  client.pending_bytes_max = 2 * options.value_bytes_max;
  client.reply_bytes_max = options.value_bytes_max + kDescriptionMax;
  return client;
}

}  // namespace

RedisCache::RedisCache(net::Runtime& runtime, redis::Address address, const RedisCacheOptions& options)
    : runtime_(runtime), options_(options), server_(address.shown()), end_(runtime, [this] { end(); }) {
  client_.emplace(runtime, std::move(address), client_options(options));
  client_->on_change([this] { on_change(); });
}

void RedisCache::on_change() {
  const bool was_unavailable = std::exchange(is_unavailable_, !client_->ready());
  if (is_unavailable_) {
    log_warn("cache_unavailable", {{"server", server_}, {"reason", client_->why_not_ready()}});
  } else if (was_unavailable) {
    log_info("cache_recovered", {{"server", server_}});
  }
}

std::unique_ptr<net::Operation> RedisCache::get(std::string_view key, GetCallback done) {
  if (!accepts_commands()) {
    ++errors_;
    return on_next_iteration(runtime_, [done = std::move(done)] { done(nullptr); });
  }
  std::string name = full_key(key);
  std::vector<std::string> command = {"GET", name};
  return client_->ask(std::move(command), [this, name = std::move(name), done = std::move(done)](
                                              Result<redis::Reply> reply) { done(on_reply(name, std::move(reply))); });
}

// The value of the reply; null if it is not a whole one.
ObjectPtr RedisCache::on_reply(const std::string& key, Result<redis::Reply> reply) {
  if (reply && reply->is_nil()) return nullptr;
  const bool is_value = reply && reply->kind == redis::Reply::Kind::text;
  if (ObjectPtr found = is_value ? from_cached_value(std::move(reply->text)) : nullptr) return found;
  ++errors_;
  if (is_value) {
    log_error("cache_value_damaged", {{"key", key}});
    write({"DEL", key});
  } else if (reply) {
    log_warn("cache_get_failed", {{"key", key}, {"reason", reply->text}});
  }
  return nullptr;
}

void RedisCache::put(std::string_view key, ObjectPtr object) {
  if (object->bytes.size() > options_.value_bytes_max) return;
  if (!accepts_commands() || !client_->ready()) {
    ++errors_;
    return;
  }
  const auto ttl_ms = std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(options_.ttl).count());
  write({"SET", full_key(key), to_cached_value(*object), "PX", ttl_ms});
}

void RedisCache::write(std::vector<std::string> command) {
  if (!client_) return;
  const uint64_t number = next_write_++;
  writes_.emplace(number, client_->ask(std::move(command), [this, number](const Result<redis::Reply>& reply) {
    on_written(number, reply);
  }));
}

void RedisCache::on_written(uint64_t number, const Result<redis::Reply>& reply) {
  if (!reply || reply->is_error()) {
    ++errors_;
    log_warn("cache_put_failed", {{"reason", reply ? reply->text : reply.error().message}});
  }
  writes_.erase(number);
  if (on_closed_ && writes_.empty()) end_.start_after(Duration::zero());
}

std::unique_ptr<net::Operation> RedisCache::check(CheckCallback done) {
  if (!client_) {
    return on_next_iteration(runtime_, [done = std::move(done)] {
      done(Error{ErrorCode::unavailable, "the cache is closed"});
    });
  }
  return client_->ask({"PING"}, [this, done = std::move(done)](const Result<redis::Reply>& reply) {
    if (!reply) return done(reply.error());
    if (reply->is_error()) return done(Error{ErrorCode::unavailable, server_ + ": " + reply->text});
    done(Ok{});
  });
}

void RedisCache::close(std::function<void()> done) {
  TG_ASSERT(client_ && !on_closed_);
  on_closed_ = std::move(done);
  end_.start_after(writes_.empty() ? Duration::zero() : kCacheCloseTimeout);
}

void RedisCache::end() {
  if (!writes_.empty()) log_warn("cache_closed_early", {{"pending_writes", writes_.size()}});
  writes_.clear();
  client_.reset();
  const auto done = std::exchange(on_closed_, nullptr);
  done();
}

}  // namespace tidegate::api
