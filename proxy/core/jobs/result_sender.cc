#include "core/jobs/result_sender.h"

#include "net/finished.h"

namespace tidegate::core {

ResultSender::ResultSender(http::Responder& responder, jobs::ResultReader result, std::function<void(bool)> done)
    : responder_(responder), result_(std::move(result)), done_(std::move(done)) {}

void ResultSender::start(std::string_view more) {
  std::string head;
  http::HeadWriter writer(head);
  writer.status_line(result_.status);
  for (const auto& [name, value] : result_.fields) {
    if (!http::iequals(name, "x-request-id")) writer.field(name, value);
  }
  head.append(more);
  responder_.send_head(result_.status, head, result_.body->size());
  send_next();
}

void ResultSender::resume() {
  if (!reading_ && !ended_) send_next();
}

void ResultSender::send_next() {
  if (sent_ == result_.body->size() || responder_.request().method == "HEAD") {
    ended_ = true;
    responder_.finish();
    return done_(true);
  }
  reading_ = result_.body->read_at(sent_, kPiece, [this](Result<std::string> piece) { on_piece(std::move(piece)); });
}

void ResultSender::on_piece(Result<std::string> piece) {
  const auto finished = net::finished(reading_);
  if (!piece || piece->empty()) {
    ended_ = true;
    responder_.abort();
    return done_(false);
  }
  sent_ += piece->size();
  responder_.send_body(*piece);
  if (responder_.write_pending() <= kPiece) send_next();
}

}  // namespace tidegate::core
