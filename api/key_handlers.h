// GET /status/KEY and GET /images/KEY: what has become of an upload. Both look the key up; asking Tidegate brings a
// finished result home.
#pragma once

#include <memory>

#include "api/image_sender.h"
#include "api/lookup.h"
#include "api/quiet_handler.h"
#include "api/upload/flight.h"
#include "api/upload/room.h"

namespace tidegate::api {

// {"key","status","attempt","max_attempts","next_attempt_at","url","error"}; what does not apply is null.
Reply status_reply(const std::string& key, const Finding& finding);

// The refusal for a key that has no picture to show. REQUIRES that it is not done.
Reply no_image_reply(const Finding& finding);

class StatusHandler final : public QuietHandler {
 public:
  // An upload that has not been answered yet is being processed.
  StatusHandler(const Backend& backend, const Flights& flights, http::Responder& responder, const std::string& key);
  void on_client_gone() override { lookup_.reset(); }

 private:
  std::unique_ptr<net::Operation> lookup_;
};

class ImageHandler final : public QuietHandler {
 public:
  // The picture counts against the budget until it is sent.
  ImageHandler(const Backend& backend, SendingRooms& rooms, http::Responder& responder, const std::string& key);
  void on_client_gone() override;
  void on_response_drained() override;

 private:
  void on_found(const Finding& finding);

  http::Responder& responder_;
  const std::string key_;
  SendingRooms& rooms_;
  std::shared_ptr<const Room> room_;  // of the picture being sent
  ImageSender sender_;
  std::unique_ptr<net::Operation> lookup_;
};

}  // namespace tidegate::api
