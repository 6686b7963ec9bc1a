// Reads one response after another from the bytes of a connection and checks each: status 200 and a body of exactly
// the announced and expected length.
//
//   Head ──whole head──▶ Body ──whole body──▶ Head      anything unexpected: Bad, for good
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tidegate::bench {

class ResponseReader {
 public:
  explicit ResponseReader(std::size_t body_bytes_expected) : body_bytes_expected_(body_bytes_expected) {}

  enum class Result {
    More,  // all bytes taken, the response goes on
    Done,  // all bytes taken, and they end exactly where the response does
    Bad,   // not the expected response, or bytes beyond it; the connection must be closed
  };

  Result feed(std::string_view bytes);

 private:
  bool read_head(std::string_view head);

  std::size_t body_bytes_expected_;
  std::size_t body_bytes_left_ = 0;
  bool in_body_ = false;
  std::string head_;  // a head that came in pieces
};

}  // namespace tidegate::bench
