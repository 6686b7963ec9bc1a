// Result<T>: a value, or an Error instead of it. Expected failures travel as values; what cannot happen
// asserts (base/assert.h).
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "base/assert.h"

namespace tidegate {

// What went wrong, in the terms a caller can act on.
enum class ErrorCode {
  refused,      // connection refused, host or network unreachable: the peer saw nothing
  timeout,      // a bound in time ran out
  reset,        // the peer broke the connection, or ended it too early
  not_found,    // no such name, file, job
  exhausted,    // a limit of ours: descriptors, slots, rows, bytes, disk
  conflict,     // the state of the thing forbids it
  invalid,      // bad input: a message, an address, a record
  unavailable,  // a store or service is unreachable or broken for now
  io,           // the disk, or the kernel, said no
  cancelled,
};

const char* to_string(ErrorCode code);

struct Error {
  ErrorCode code;
  std::string message;  // one line, for logs and operators; names the source ("connect 127.0.0.1:3001: refused")
};

struct Ok {};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit by design
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT
  Result(ErrorCode code, std::string message) : Result(Error{code, std::move(message)}) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & {
    TG_ASSERT(ok());
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    TG_ASSERT(ok());
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    TG_ASSERT(ok());
    return std::move(*std::get_if<0>(&state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const {
    TG_ASSERT(!ok());
    return *std::get_if<1>(&state_);
  }

 private:
  std::variant<T, Error> state_;
};

using Status = Result<Ok>;

}  // namespace tidegate
