// What a parser says about some bytes, as comparable text, however the bytes are cut.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "http/parser/parser.h"

namespace tidegate::test {

struct Transcript {
  std::string text;  // messages, bodies (joined), the verdict
  int messages = 0;  // complete ones
  bool refused = false;
  http::ParseError error;
  bool last_kept = true;  // keep_alive of the last head
  std::string first_target;
  size_t unread = 0;  // bytes after the last complete message

  bool operator==(const Transcript& other) const { return text == other.text; }
};

// Cuts the input: called with what is left, answers how many bytes come next (at least 1).
using Cut = std::function<size_t(std::string_view rest)>;
inline size_t whole(std::string_view rest) { return rest.size(); }
inline size_t single(std::string_view) { return 1; }

// Reads messages until the bytes are used up, a message is refused, or the client asked to close.
Transcript read_requests(std::string_view bytes, const Cut& cut = whole, const http::HeadLimits& limits = {},
                         const http::PathRules& paths = {});

// Reads interim responses and one final one; `ends`: the peer closes after the bytes.
Transcript read_response(std::string_view bytes, bool to_head, bool ends, const Cut& cut = whole,
                         const http::HeadLimits& limits = {});

}  // namespace tidegate::test
