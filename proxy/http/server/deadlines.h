// The limits in time of a client's connection. Pure: `now` is an argument; the connection owns the timer.
//
// One timer serves all limits. It is armed for the earliest and, when it fires early, armed again for what is due
// then: a byte that arrives costs a store, not a heap operation.
#pragma once

#include <cstdint>

#include "base/time.h"
#include "http/server/server.h"

namespace tidegate::http {

// What the connection waits for.
enum class Awaits : uint8_t {
  request,       // the first byte of the next request: limits.idle_timeout
  headers,       // the end of the request headers: limits.header_timeout
  body,          // more of the request body: limits.body_timeout
  rest_of_body,  // the end of a body that nobody reads
  nothing,       // what is due is due elsewhere: the handler, or the kernel's send buffer
};

class Deadlines {
 public:
  // `limits` outlives it, and may change: a request that has begun keeps what it began with.
  explicit Deadlines(const ServerLimits& limits) : limits_(limits), body_timeout_(limits.body_timeout) {}

  // The connection begins to wait for something else.
  void restart(Time now) { since_ = now; }
  Time since() const { return since_; }
  // Bytes of the client have arrived, or its body is wanted again.
  void note_arrival(Time now) { arrived_at_ = now; }
  // Its headers are here.
  void begin_request(Time now) {
    arrived_at_ = now;
    body_timeout_ = limits_.body_timeout;
  }

  // Time::max(): never.
  Time due(Awaits what) const;

 private:
  const ServerLimits& limits_;
  Duration body_timeout_;
  Time since_{};
  Time arrived_at_{};
};

}  // namespace tidegate::http
