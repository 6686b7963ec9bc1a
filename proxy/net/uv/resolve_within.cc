#include "net/uv/resolve_within.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

namespace tidegate::net {

namespace {

class AwaitedReply final : public LookupThreads::Sink {
 public:
  void send(const Result<Addresses>& reply) override {
    const std::lock_guard lock(mutex_);
    if (!reply_) reply_ = reply;
    sent_.notify_one();
  }

  // None: there was no reply in time.
  std::optional<Result<Addresses>> await(Duration bound) {
    std::unique_lock lock(mutex_);
    sent_.wait_for(lock, bound, [this] { return reply_.has_value(); });
    return reply_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable sent_;
  std::optional<Result<Addresses>> reply_;
};

}  // namespace

Result<Addresses> resolve_within(const std::string& host, Duration bound, LookupThreads& lookups) {
  if (const auto literal = IpAddress::parse(host)) return Addresses{*literal};
  const auto awaited = std::make_shared<AwaitedReply>();
  lookups.look_up(host, awaited);
  if (auto reply = awaited->await(bound)) return std::move(*reply);
  return Error{ErrorCode::timeout, "resolve " + host + ": no response in time"};
}

}  // namespace tidegate::net
