// Sends a picture piece by piece as the client takes it, so that a slow client costs one piece, not a copy of it all.
#pragma once

#include <string>
#include <string_view>

#include "api/reply.h"

namespace tidegate::api {

class ImageSender {
 public:
  // Begins the answer. `fields`: lines besides type and length.
  void begin(http::Responder& responder, uint16_t status, ObjectPtr image, std::string_view fields);
  // Of on_response_drained(). True when all has been sent and the answer is finished: the responder is then done.
  bool go_on();
  bool active() const { return responder_ != nullptr; }
  // The responder is dead.
  void drop() { responder_ = nullptr; }

 private:
  http::Responder* responder_ = nullptr;
  ObjectPtr image_;
  size_t sent_ = 0;
};

}  // namespace tidegate::api
