#include "api/upload/upload_handler.h"

#include "base/log.h"

namespace tidegate::api {

UploadHandler::UploadHandler(Flights& flights, Metrics& metrics, SharedReservations& reservations,
                             http::Responder& responder, std::string client_ip, std::unique_ptr<UploadForm> form,
                             Duration form_timeout)
    : flights_(flights),
      metrics_(metrics),
      responder_(responder),
      client_ip_(std::move(client_ip)),
      form_(std::move(form)),
      sender_(reservations),
      begun_(responder.runtime().now()),
      form_timer_(responder.runtime(), [this] { on_form_timeout(); }) {
  form_timer_.start_after(form_timeout);
}

void UploadHandler::on_body(std::string_view piece) {
  if (state_ != State::receiving) return;
  if (const auto refusal = form_->feed(piece)) respond(*refusal);
}

void UploadHandler::on_body_end() {
  if (state_ != State::receiving) return;
  if (const auto refusal = form_->finish()) return respond(*refusal);
  form_timer_.stop();
  state_ = State::waiting;
  key_ = form_->key();
  Upload upload{key_, form_->text(), form_->position(), client_ip_, form_->take_image(), form_->take_reservation()};
  form_.reset();
  waiter_ = flights_.join(std::move(upload), [this](const Reply& reply) { on_flight_completed(reply); });
}

void UploadHandler::on_body_error(const http::ParseError& error) {
  if (state_ == State::receiving) respond(problem_reply(error.status, error.reason, error.detail));
}

void UploadHandler::on_form_timeout() {
  if (state_ == State::receiving) respond(problem_reply(408, "client_timeout", "The form did not arrive in time."));
}

void UploadHandler::on_flight_completed(const Reply& reply) {
  waiter_.reset();
  respond(reply);
}

void UploadHandler::respond(const Reply& reply) {
  // The result is stored, so the next attempt of the client finds it in the cache.
  if (reply.image && !sender_.reserve(reply.image)) return respond(busy_reply());
  record(reply.status, reply.outcome);
  form_timer_.stop();
  form_.reset();
  state_ = reply.image ? State::sending : State::ended;
  if (!reply.image) return send(responder_, reply);
  sender_.begin(responder_, reply.status, reply.fields);
  if (!sender_.active()) end();
}

void UploadHandler::on_response_drained() {
  if (state_ == State::sending && sender_.resume()) end();
}

void UploadHandler::on_client_gone() {
  if (state_ == State::receiving || state_ == State::waiting) record(499, "client_closed");
  sender_.drop();
  end();
}

// The handler may outlive the service by one event-loop iteration, so it gives up everything of the service here.
void UploadHandler::end() {
  state_ = State::ended;
  form_timer_.stop();
  waiter_.reset();
  form_.reset();
}

void UploadHandler::record(uint16_t status, const char* outcome) {
  const Duration took = responder_.runtime().now() - begun_;
  metrics_.upload_ended(outcome, took);
  log_info("upload", {{"key", key_},
                      {"outcome", std::string_view(outcome)},
                      {"status", status},
                      {"client", client_ip_},
                      {"ms", ceil_ms(took)}});
}

}  // namespace tidegate::api
