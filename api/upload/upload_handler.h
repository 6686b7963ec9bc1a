// One POST /upload: receives the form, joins the flight of its key, sends the response.
//
//   receiving ──form complete──▶ waiting ──flight completed──▶ sending ──all sent──▶ ended
//       │                           │                             │                   ▲
//       └── refused, too large ─────┴──────── client gone ────────┴───────────────────┘
#pragma once

#include <memory>
#include <string>

#include "api/http/handler_base.h"
#include "api/http/image_sender.h"
#include "api/metrics/metrics.h"
#include "api/upload/flight.h"
#include "api/upload/upload_form.h"

namespace tidegate::api {

// Owned by the connection. The arguments must outlive it.
class UploadHandler final : public HandlerBase {
 public:
  // `form_timeout` limits the time for the whole form, however steadily its bytes arrive.
  UploadHandler(Flights& flights, Metrics& metrics, SharedReservations& reservations, http::Responder& responder,
                std::string client_ip, std::unique_ptr<UploadForm> form, Duration form_timeout);

  void on_body(std::string_view piece) override;
  void on_body_end() override;
  void on_body_error(const http::ParseError& error) override;
  void on_client_gone() override;
  void on_response_drained() override;

 private:
  enum class State { receiving, waiting, sending, ended };

  void on_form_timeout();
  void on_flight_completed(const Reply& reply);
  void respond(const Reply& reply);
  void end();
  void record(uint16_t status, const char* outcome);

  Flights& flights_;
  Metrics& metrics_;
  http::Responder& responder_;
  const std::string client_ip_;
  std::unique_ptr<UploadForm> form_;
  std::unique_ptr<net::Operation> waiter_;  // in the flight
  ImageSender sender_;
  std::string key_;
  const Time begun_;
  net::Timer form_timer_;
  State state_ = State::receiving;
};

}  // namespace tidegate::api
