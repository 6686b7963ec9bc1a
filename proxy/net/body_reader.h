// A whole body that can be read again and again, in pieces, without being held in memory: a kept request body, a job's
// body in its store, a stored result.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "net/runtime.h"

namespace tidegate::net {

class BodyReader {
 public:
  virtual ~BodyReader() = default;
  virtual uint64_t size() const = 0;
  // Up to `count` bytes at `offset`, none only at the end. The callback runs later, on the caller's loop, never
  // inside this call. One read at a time. Errors: io, unavailable.
  [[nodiscard]] virtual std::unique_ptr<Operation> read_at(uint64_t offset, size_t count,
                                                           std::function<void(Result<std::string>)> done) = 0;
};

}  // namespace tidegate::net
