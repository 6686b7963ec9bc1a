#include "api/upload/upload_handler.h"

#include "base/log.h"

namespace tidegate::api {

UploadHandler::UploadHandler(Flights& flights, Metrics& metrics, SendingRooms& rooms, http::Responder& responder,
                             std::string client_ip, std::unique_ptr<UploadForm> form, Duration form_timeout)
    : flights_(flights),
      metrics_(metrics),
      responder_(responder),
      client_ip_(std::move(client_ip)),
      form_(std::move(form)),
      rooms_(rooms),
      begun_(responder.runtime().now()),
      form_timer_(responder.runtime(), [this] { on_form_late(); }) {
  form_timer_.start_after(form_timeout);
}

void UploadHandler::on_body(std::string_view piece) {
  if (state_ != State::receiving) return;
  if (const auto refusal = form_->feed(piece)) answer(*refusal);
}

void UploadHandler::on_body_end() {
  if (state_ != State::receiving) return;
  if (const auto refusal = form_->finish()) return answer(*refusal);
  form_timer_.stop();
  state_ = State::waiting;
  key_ = form_->key();
  Upload upload{key_, form_->text(), form_->position(), client_ip_, form_->take_image(), form_->take_room()};
  form_.reset();
  seat_ = flights_.join(std::move(upload), [this](const Reply& reply) { on_landed(reply); });
}

void UploadHandler::on_body_error(const http::ParseError& error) {
  if (state_ == State::receiving) answer(problem_reply(error.status, error.reason, error.detail));
}

void UploadHandler::on_form_late() {
  if (state_ == State::receiving) answer(problem_reply(408, "client_timeout", "The form did not arrive in time."));
}

void UploadHandler::on_landed(const Reply& reply) {
  seat_.reset();
  answer(reply);
}

void UploadHandler::answer(const Reply& reply) {
  // Made, but no room to send it: the client that comes again finds it in the cache.
  if (reply.image) room_ = rooms_.find(reply.image);
  if (reply.image && !room_) return answer(busy_reply());
  record(reply.status, reply.outcome);
  form_timer_.stop();
  form_.reset();
  state_ = reply.image ? State::sending : State::ended;
  if (!reply.image) return send(responder_, reply);
  sender_.begin(responder_, reply.status, reply.image, reply.fields);
  if (!sender_.active()) end();
}

void UploadHandler::on_response_drained() {
  if (state_ == State::sending && sender_.active() && sender_.go_on()) end();
}

void UploadHandler::on_client_gone() {
  if (state_ == State::receiving || state_ == State::waiting) record(499, "client_closed");
  sender_.drop();
  end();
}

// Gives back everything: the handler itself may outlive the service by a turn.
void UploadHandler::end() {
  state_ = State::ended;
  form_timer_.stop();
  seat_.reset();
  form_.reset();
  room_.reset();
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
