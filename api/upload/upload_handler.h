// One POST /upload: the form comes in, a seat in the key's flight is taken, the answer goes out.
//
//   receiving ──form whole──▶ waiting ──flight landed──▶ sending ──all sent──▶ ended
//       │                        │                          │                   ▲
//       └── refused, too large ──┴────── client gone ───────┴───────────────────┘
#pragma once

#include <memory>

#include "api/image_sender.h"
#include "api/metrics/metrics.h"
#include "api/quiet_handler.h"
#include "api/upload/flight.h"
#include "api/upload/upload_form.h"

namespace tidegate::api {

// Owned by the connection; what it is given outlives it.
class UploadHandler final : public QuietHandler {
 public:
  // The picture counts against the budget until it is sent. `client_ip`: whose upload it is. `form_timeout`: for the
  // whole form, however steadily it drips.
  UploadHandler(Flights& flights, Metrics& metrics, SendingRooms& rooms, http::Responder& responder,
                std::string client_ip, std::unique_ptr<UploadForm> form, Duration form_timeout);

  void on_body(std::string_view piece) override;
  void on_body_end() override;
  void on_body_error(const http::ParseError& error) override;
  void on_client_gone() override;
  void on_response_drained() override;

 private:
  enum class State { receiving, waiting, sending, ended };

  void on_form_late();
  void on_landed(const Reply& reply);
  void answer(const Reply& reply);
  void end();
  void record(uint16_t status, const char* outcome);

  Flights& flights_;
  Metrics& metrics_;
  http::Responder& responder_;
  const std::string client_ip_;
  std::unique_ptr<UploadForm> form_;
  std::unique_ptr<net::Operation> seat_;
  ImageSender sender_;
  SendingRooms& rooms_;
  std::shared_ptr<const Room> room_;  // of the picture being sent
  std::string key_;
  const Time begun_;
  net::Timer form_timer_;
  State state_ = State::receiving;
};

}  // namespace tidegate::api
