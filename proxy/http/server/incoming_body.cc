#include "http/server/incoming_body.h"

#include <utility>

namespace tidegate::http {

bool IncomingBody::begin(const RequestHead& head, uint64_t bytes_max) {
  *this = IncomingBody();
  state_ = State::coming;
  bytes_max_ = bytes_max;
  continue_due_ = head.expect_continue;
  return head.framing != Framing::content_length || head.content_length <= bytes_max;
}

bool IncomingBody::begins_to_be_wanted(bool begun) { return std::exchange(continue_due_, false) && !begun; }

bool IncomingBody::is_rest_too_long(const RequestHead& head) const {
  const bool counted = coming() && head.framing == Framing::content_length;
  return counted && head.content_length - received_ > kDiscardBytesMax;
}

ParseEvent IncomingBody::discard(RequestParser& parser, std::string_view* bytes) {
  ParseEvent event = parser.next(bytes);
  while (event == ParseEvent::body && (discarded_ += parser.body().size()) <= kDiscardBytesMax) {
    event = parser.next(bytes);
  }
  return event == ParseEvent::body ? ParseEvent::error : event;
}

}  // namespace tidegate::http
