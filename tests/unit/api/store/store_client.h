// Runs operations of an object store and waits for their results.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "api/store/object_store.h"
#include "net/uv/uv_runtime.h"

namespace tidegate::api::test {

inline ObjectPtr object(std::string bytes, std::string type = "image/png") {
  return std::make_shared<Object>(Object{std::move(type), std::move(bytes)});
}

// That many bytes without repetition.
inline std::string much(size_t size) {
  std::string bytes(size, ' ');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>((i * 7919) >> 5);
  return bytes;
}

class StoreClient {
 public:
  StoreClient(net::UvRuntime& runtime, ObjectStore& store) : runtime_(runtime), store_(store) {}

  Status put(const std::string& name, ObjectPtr what) {
    return await<Status>([&](auto done) { return store_.put(name, std::move(what), done); });
  }
  Result<ObjectPtr> get(const std::string& name) {
    return await<Result<ObjectPtr>>([&](auto done) { return store_.get(name, done); });
  }
  Result<bool> exists(const std::string& name) {
    return await<Result<bool>>([&](auto done) { return store_.exists(name, done); });
  }
  Status remove(const std::string& name) {
    return await<Status>([&](auto done) { return store_.remove(name, done); });
  }
  Status check() {
    return await<Status>([&](auto done) { return store_.check(done); });
  }

 private:
  template <typename T, typename Begin>
  T await(Begin begin) {
    std::optional<T> result;
    const auto operation = begin([&](T outcome) { result.emplace(std::move(outcome)); });
    CHECK_FALSE(result.has_value());  // never during the call
    while (!result) runtime_.run_once();
    return std::move(*result);
  }

  net::UvRuntime& runtime_;
  ObjectStore& store_;
};

}  // namespace tidegate::api::test
