// Sends a picture in pieces, as fast as the client reads: a slow client costs one piece of memory, not a whole copy.
// The picture counts against the memory budget until it is sent.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "api/http/reply.h"
#include "api/picture/memory_budget.h"

namespace tidegate::api {

class ImageSender {
 public:
  // The reservations must outlive the transfer.
  explicit ImageSender(SharedReservations& reservations) : reservations_(reservations) {}

  // False: the memory budget has too little left for the picture.
  [[nodiscard]] bool reserve(ObjectPtr image);
  // Begins the response. `fields`: header lines besides type and length. REQUIRES a reserved picture.
  void begin(http::Responder& responder, uint16_t status, std::string_view fields);
  // Called by on_response_drained(). True: the response is complete, and the responder must not be used again.
  bool resume();
  bool active() const { return responder_ != nullptr; }
  // The client is gone, and the responder with it.
  void drop();

 private:
  SharedReservations& reservations_;
  http::Responder* responder_ = nullptr;  // null: not begun, or over
  ObjectPtr image_;
  std::shared_ptr<const MemoryReservation> reservation_;
  size_t sent_ = 0;
};

}  // namespace tidegate::api
