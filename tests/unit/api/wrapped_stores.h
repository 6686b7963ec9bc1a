// The stores of the tests: real ones that a test can make unavailable or silent, or give presigned URLs.
#pragma once

#include <string>
#include <utility>

#include "api/cache/result_cache.h"
#include "api/store/object_store.h"
#include "net/timer.h"

namespace tidegate::api::test {

enum class Mood { available, unavailable, silent };

class SilentOperation final : public net::Operation {};

// Fails on the next event-loop iteration.
class FailedOperation final : public net::Operation {
 public:
  FailedOperation(net::Runtime& runtime, std::function<void(Error)> fail)
      : timer_(runtime, [fail = std::move(fail)] {
          const auto call = fail;  // may destroy this
          call({ErrorCode::unavailable, "unavailable by the test"});
        }) {
    timer_.start_after(Duration::zero());
  }

 private:
  net::Timer timer_;
};

template <typename Done, typename Call>
std::unique_ptr<net::Operation> in_mood(Mood mood, net::Runtime& runtime, Done& done, const Call& call) {
  if (mood == Mood::available) return call();
  if (mood == Mood::silent) return std::make_unique<SilentOperation>();
  return std::make_unique<FailedOperation>(runtime, std::move(done));
}

class WrappedStore final : public ObjectStore {
 public:
  WrappedStore(net::Runtime& runtime, ObjectStore& real) : runtime_(runtime), real_(real) {}

  std::unique_ptr<net::Operation> put(std::string name, ObjectPtr object, PutCallback done) override {
    return in_mood(mood, runtime_, done,
                   [&] { return real_.put(std::move(name), std::move(object), std::move(done)); });
  }
  std::unique_ptr<net::Operation> get(std::string name, GetCallback done) override {
    return in_mood(mood, runtime_, done, [&] { return real_.get(std::move(name), std::move(done)); });
  }
  std::unique_ptr<net::Operation> exists(std::string name, ExistsCallback done) override {
    return in_mood(mood, runtime_, done, [&] { return real_.exists(std::move(name), std::move(done)); });
  }
  std::unique_ptr<net::Operation> remove(std::string name, PutCallback done) override {
    return in_mood(mood, runtime_, done, [&] { return real_.remove(std::move(name), std::move(done)); });
  }
  std::unique_ptr<net::Operation> check(PutCallback done) override {
    return in_mood(mood, runtime_, done, [&] { return real_.check(std::move(done)); });
  }
  std::optional<std::string> presigned_url(const std::string& name, Duration valid_for) override {
    if (url_base.empty()) return std::nullopt;
    return url_base + name + "?seconds=" + std::to_string(ceil_seconds(valid_for));
  }

  std::optional<StoreCircuit> circuit() override { return StoreCircuit{}; }

  Mood mood = Mood::available;
  std::string url_base;  // "": no presigned URLs

 private:
  net::Runtime& runtime_;
  ObjectStore& real_;
};

// Unavailable: every get is a miss.
class WrappedCache final : public ResultCache {
 public:
  WrappedCache(net::Runtime& runtime, ResultCache& real) : runtime_(runtime), real_(real) {}

  std::unique_ptr<net::Operation> get(std::string_view key, GetCallback done) override {
    return real_.get(mood == Mood::available ? key : "", std::move(done));
  }
  void put(std::string_view key, ObjectPtr object) override {
    if (mood == Mood::available) real_.put(key, std::move(object));
  }
  size_t bytes() const override { return real_.bytes(); }
  std::unique_ptr<net::Operation> check(CheckCallback done) override {
    return in_mood(mood, runtime_, done, [&] { return real_.check(std::move(done)); });
  }
  void close(std::function<void()> done) override { real_.close(std::move(done)); }

  Mood mood = Mood::available;

 private:
  net::Runtime& runtime_;
  ResultCache& real_;
};

}  // namespace tidegate::api::test
