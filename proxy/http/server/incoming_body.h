// The body of the request that a client's connection serves: how far it has come, and who waits for whom. Pure: the
// connection reads, parses and responds.
//
//   coming ──▶ ended | failed (it broke a rule: no more of it will come)
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/parser/parser.h"

namespace tidegate::http {

// What is discarded of a request body that nobody reads, or after our end of the connection.
inline constexpr size_t kDiscardBytesMax = 256 * 1024;

class IncomingBody {
 public:
  // The headers of a request have arrived. False: it says that its body is larger than `bytes_max`.
  bool begin(const RequestHead& head, uint64_t bytes_max);
  void end() { state_ = State::ended; }
  void fail() { state_ = State::failed; }
  bool coming() const { return state_ == State::coming; }
  bool ended() const { return state_ == State::ended; }

  // Whether the handler wants none of it for now.
  bool paused() const { return paused_; }
  void set_paused(bool paused) { paused_ = paused; }

  // The client may still wait for 100 Continue before it sends any of it.
  bool continue_due() const { return continue_due_; }
  // It is wanted now; `begun`: some of it has arrived, so the client has not waited. True: 100 Continue must be sent.
  bool begins_to_be_wanted(bool begun);
  void response_begins() { continue_due_ = false; }

  // So many bytes of it have come. False: that is more than bytes_max.
  bool add(size_t bytes) { return (received_ += bytes) <= bytes_max_; }
  // More of it is to come than would be discarded.
  bool is_rest_too_long(const RequestHead& head) const;
  // Discards what there is of it. `complete`: to its end; `error`: it is not valid, or too long.
  ParseEvent discard(RequestParser& parser, std::string_view* bytes);

 private:
  enum class State : uint8_t { coming, ended, failed };

  State state_ = State::ended;
  bool paused_ = false;
  bool continue_due_ = false;
  uint64_t bytes_max_ = 0;
  uint64_t received_ = 0;
  size_t discarded_ = 0;
};

}  // namespace tidegate::http
