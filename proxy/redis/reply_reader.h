// Replies out of the bytes of a connection: hiredis's reader, building our own values. One reader a connection; after
// an error it is of no more use.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "redis/reply.h"

struct redisReader;

namespace tidegate::redis {

class ReplyReader {
 public:
  // A reply of more than `reply_bytes_max` is an error.
  explicit ReplyReader(size_t reply_bytes_max);
  ~ReplyReader();
  ReplyReader(const ReplyReader&) = delete;
  ReplyReader& operator=(const ReplyReader&) = delete;

  void feed(std::string_view bytes);
  // The next whole reply; none where more bytes are needed. Errors: invalid (not RESP2), exhausted (too large).
  Result<std::optional<Reply>> next();

 private:
  struct Free {
    void operator()(redisReader* reader) const;
  };
  std::unique_ptr<redisReader, Free> reader_;
  size_t reply_bytes_max_;
  size_t unfinished_bytes_ = 0;  // fed since the last whole reply
  Reply root_;                   // being built; hiredis holds pointers into it
};

}  // namespace tidegate::redis
