// Received bytes that could not be parsed yet: pipelined requests while an exchange runs, a body while it is paused.
// Bounded: is_full() tells the connection to stop reading from its socket.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tidegate::http {

class InputBuffer {
 public:
  static constexpr size_t kPipelinedMax = 16;

  bool empty() const { return begin_ == bytes_.size(); }
  std::string_view view() const { return std::string_view(bytes_).substr(begin_); }

  // All but the last `left` bytes have been parsed.
  void keep_last(size_t left);
  // `may_hold_requests`: the bytes follow a whole request, so they count towards the pipelined ones.
  void append(std::string_view bytes, bool may_hold_requests);
  // One of the pipelined requests has been taken.
  void request_taken();
  // Frees the memory too.
  void discard();
  // What it holds, which is no HTTP.
  std::string take();

  // 64 KiB of bytes, or 16 pipelined requests.
  bool is_full() const;

 private:
  void compact();

  std::string bytes_;
  size_t begin_ = 0;
  size_t requests_ = 0;  // ends of request headers in it; a body may look like one, so this is an upper bound
};

}  // namespace tidegate::http
