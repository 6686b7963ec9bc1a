// Sends bytes in pieces of which each is a read of its own for a peer that reads on the same event loop.
//
//             step()                the peer's kernel has it      one whole iteration later
//   ready ─────────────▶ sent ─────────────────────────▶ arrived ──────────────────────────▶ ready …, is_done()
//
// Nothing is timed: a stream that has something to read is read in every iteration of its loop, so what had arrived
// before an iteration began has been read when it is over (unless the peer has stopped reading).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/stream.h"

namespace tidegate::loopback {

// Where a piece ends and the next begins.
using Cuts = std::vector<size_t>;
Cuts every_byte(size_t size);

class PieceSender {
 public:
  PieceSender(std::string bytes, Cuts cuts) : bytes_(std::move(bytes)), cuts_(std::move(cuts)) {}

  // Called once after each iteration of the event loop, until is_done().
  void step(net::Stream& stream);
  // All has been sent and read.
  bool is_done() const { return state_ == State::ready && at_ == bytes_.size(); }

 private:
  enum class State { ready, sent, arrived };

  std::string bytes_;
  Cuts cuts_;
  size_t at_ = 0;
  size_t next_cut_ = 0;
  State state_ = State::ready;
};

}  // namespace tidegate::loopback
