// Reads one response after another from the bytes of a connection and checks each: the expected status, and a body of
// exactly the announced length, which must equal the expected length if one is given.
//
//   Head ──whole head──▶ Body ──whole body──▶ Head      anything unexpected: Bad, for good
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tidegate::bench {

class ResponseReader {
 public:
  static constexpr std::size_t kAnyLength = static_cast<std::size_t>(-1);

  ResponseReader(int status_expected, std::size_t body_bytes_expected)
      : status_expected_(status_expected), body_bytes_expected_(body_bytes_expected) {}

  enum class Result {
    More,  // all bytes taken, the response goes on
    Done,  // all bytes taken, and they end exactly where the response does
    Bad,   // not the expected response, or bytes beyond it; the connection must be closed
  };

  Result feed(std::string_view bytes);

 private:
  bool read_head(std::string_view head);

  int status_expected_;
  std::size_t body_bytes_expected_;
  std::size_t body_bytes_left_ = 0;
  bool in_body_ = false;
  std::string head_;  // a head that came in pieces
};

}  // namespace tidegate::bench
