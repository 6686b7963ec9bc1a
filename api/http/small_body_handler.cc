#include "api/http/small_body_handler.h"

#include "api/http/reply.h"

namespace tidegate::api {

void SmallBodyHandler::on_body(std::string_view piece) {
  if (refused_) return;
  refused_ = body_.size() + piece.size() > bytes_max_;
  if (!refused_) {
    body_ += piece;
    return;
  }
  body_ = {};
  send(responder_,
       problem_reply(413, "body_too_large", "The body is larger than " + std::to_string(bytes_max_) + " bytes."));
}

void SmallBodyHandler::on_body_end() {
  if (!refused_) on_whole_body(std::move(body_));
}

void SmallBodyHandler::on_body_error(const http::ParseError& error) {
  if (refused_) return;
  refused_ = true;
  send(responder_, problem_reply(error.status, error.reason, error.detail));
}

}  // namespace tidegate::api
