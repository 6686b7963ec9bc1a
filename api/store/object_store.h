// The interface of a store of originals, results and jobs. Callbacks run on the event loop, later and once; destroying
// an operation cancels its callback, though work on the disk that has begun is finished.
//
// Names are "FOLDER/NAME" of [A-Za-z0-9._-]. An object appears whole or not at all, and is durable when put() succeeds.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/store/object.h"
#include "base/result.h"
#include "net/runtime.h"
#include "policy/breaker.h"

namespace tidegate::api {

inline constexpr Duration kStoreRetryAfter = 10s;

// The circuit breaker of a store, for the metrics.
struct StoreCircuit {
  policy::BreakerState state = policy::BreakerState::closed;
  uint64_t transitions = 0;  // since the start, as `refused`
  uint64_t refused = 0;
};

class ObjectStore {
 public:
  using PutCallback = std::function<void(Status)>;
  using GetCallback = std::function<void(Result<ObjectPtr>)>;
  using ExistsCallback = std::function<void(Result<bool>)>;

  virtual ~ObjectStore() = default;

  // Errors of all operations: unavailable, timeout (a server), exhausted (no space, or too many operations), io. The
  // object must not change until the callback.
  [[nodiscard]] virtual std::unique_ptr<net::Operation> put(std::string name, ObjectPtr object, PutCallback done) = 0;
  // Further errors: not_found, invalid (damaged).
  [[nodiscard]] virtual std::unique_ptr<net::Operation> get(std::string name, GetCallback done) = 0;
  [[nodiscard]] virtual std::unique_ptr<net::Operation> exists(std::string name, ExistsCallback done) = 0;
  // Removing an object that does not exist succeeds.
  [[nodiscard]] virtual std::unique_ptr<net::Operation> remove(std::string name, PutCallback done) = 0;
  // A URL with which anyone may GET the object for `valid_for`, whether it exists or not. Nothing: the store has no
  // such URLs.
  virtual std::optional<std::string> presigned_url(const std::string& name, Duration valid_for) = 0;
  // Whether the store would accept an object now.
  [[nodiscard]] virtual std::unique_ptr<net::Operation> check(PutCallback done) = 0;
  // When a client that could not be served should try again.
  virtual Duration retry_after() { return kStoreRetryAfter; }
  // Nothing: the store has no circuit breaker.
  virtual std::optional<StoreCircuit> circuit() { return std::nullopt; }
};

}  // namespace tidegate::api
