// GET /images/KEY: the watermarked picture.
#pragma once

#include <memory>
#include <string>

#include "api/http/handler_base.h"
#include "api/http/image_sender.h"
#include "api/lookup/lookup.h"

namespace tidegate::api {

// The response for a key without a picture. REQUIRES that the finding is not done.
Reply no_image_reply(const Finding& finding);

class ImageHandler final : public HandlerBase {
 public:
  ImageHandler(const Backend& backend, SharedReservations& reservations, http::Responder& responder,
               const std::string& key);
  void on_client_gone() override;
  void on_response_drained() override { sender_.resume(); }

 private:
  void on_found(const Finding& finding);

  http::Responder& responder_;
  const std::string key_;
  ImageSender sender_;
  std::unique_ptr<net::Operation> lookup_;
};

}  // namespace tidegate::api
