// Decorators that count the operations of a cache and of an object store in the metrics. Cancelled operations are not
// counted.
#pragma once

#include "api/cache/result_cache.h"
#include "api/metrics/metrics.h"
#include "api/store/object_store.h"

namespace tidegate::api {

// The arguments must outlive them.
class CountedCache final : public ResultCache {
 public:
  CountedCache(ResultCache& real, Metrics& metrics) : real_(real), metrics_(metrics) {}

  std::unique_ptr<net::Operation> get(std::string_view key, GetCallback done) override;
  void put(std::string_view key, ObjectPtr object) override { real_.put(key, std::move(object)); }
  size_t bytes() const override { return real_.bytes(); }
  uint64_t errors() const override { return real_.errors(); }
  std::unique_ptr<net::Operation> check(CheckCallback done) override { return real_.check(std::move(done)); }
  void close(std::function<void()> done) override { real_.close(std::move(done)); }

 private:
  ResultCache& real_;
  Metrics& metrics_;
};

class CountedStore final : public ObjectStore {
 public:
  CountedStore(net::Runtime& runtime, ObjectStore& real, Metrics& metrics)
      : runtime_(runtime), real_(real), metrics_(metrics) {}

  std::unique_ptr<net::Operation> put(std::string name, ObjectPtr object, PutCallback done) override;
  std::unique_ptr<net::Operation> get(std::string name, GetCallback done) override;
  std::unique_ptr<net::Operation> exists(std::string name, ExistsCallback done) override;
  std::unique_ptr<net::Operation> remove(std::string name, PutCallback done) override;
  std::optional<std::string> presigned_url(const std::string& name, Duration valid_for) override {
    return real_.presigned_url(name, valid_for);
  }
  std::unique_ptr<net::Operation> check(PutCallback done) override { return real_.check(std::move(done)); }
  std::optional<StoreCircuit> circuit() override { return real_.circuit(); }

 private:
  template <typename T>
  std::function<void(Result<T>)> counted(const char* op, std::function<void(Result<T>)> done);

  net::Runtime& runtime_;
  ObjectStore& real_;
  Metrics& metrics_;
};

}  // namespace tidegate::api
