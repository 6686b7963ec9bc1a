// Where originals, results and jobs lie. Everything is asynchronous: callbacks run on the loop, later and once;
// destroying an operation silences its callback (what has been begun on the disk is finished).
//
// Names are "FOLDER/NAME" of [A-Za-z0-9._-]. An object appears whole or not at all, and is durable when put() says so.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/store/image.h"
#include "base/result.h"
#include "net/runtime.h"

namespace tidegate::api {

inline constexpr Duration kStoreRetryAfter = 10s;

class ObjectStore {
 public:
  using PutCallback = std::function<void(Status)>;
  using GetCallback = std::function<void(Result<ObjectPtr>)>;
  using ExistsCallback = std::function<void(Result<bool>)>;

  virtual ~ObjectStore() = default;

  // Errors of all: unavailable, timeout (a server), exhausted (no space, or too much under way), io. The object must
  // not change until the callback.
  [[nodiscard]] virtual std::unique_ptr<net::Operation> put(std::string name, ObjectPtr object, PutCallback done) = 0;
  // Besides: not_found, invalid (damaged).
  [[nodiscard]] virtual std::unique_ptr<net::Operation> get(std::string name, GetCallback done) = 0;
  [[nodiscard]] virtual std::unique_ptr<net::Operation> exists(std::string name, ExistsCallback done) = 0;
  // What is not there is removed already.
  [[nodiscard]] virtual std::unique_ptr<net::Operation> remove(std::string name, PutCallback done) = 0;
  // A URL by which anyone may GET the object for `valid_for`, whether it is there or not; nothing where the store has
  // no such thing.
  virtual std::optional<std::string> presigned_url(const std::string& name, Duration valid_for) = 0;
  // Whether it would take an object now.
  [[nodiscard]] virtual std::unique_ptr<net::Operation> check(PutCallback done) = 0;
  // When whoever could not be served should come again.
  virtual Duration retry_after() { return kStoreRetryAfter; }
  // Lines for /metrics, in Prometheus' text format.
  virtual std::string metrics() { return ""; }
};

}  // namespace tidegate::api
