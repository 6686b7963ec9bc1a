#include "core/jobs/result_sender.h"

#include "http/parser/guard.h"
#include "net/finished.h"

namespace tidegate::core {

namespace {

constexpr uint16_t kNotModified = 304;
constexpr std::string_view kContentLength = "content-length";

}  // namespace

ResultSender::ResultSender(http::Responder& responder, jobs::ResultReader result, std::function<void(bool)> done)
    : responder_(responder), result_(std::move(result)), done_(std::move(done)) {}

// Where no body is sent (HEAD, 304), the length that the upstream stated, if any: what is stored may be the response to
// a HEAD itself.
uint64_t ResultSender::length() const {
  const uint64_t stored = result_.body->size();
  if (responder_.request().method != "HEAD" && result_.status != kNotModified) return stored;
  uint64_t stated = stored > 0 ? stored : http::Responder::kUnknownLength;
  for (const auto& [name, value] : result_.fields) {
    if (http::iequals(name, kContentLength)) http::parse_content_length(value, &stated);
  }
  return stated;
}

void ResultSender::start(std::string_view more) {
  std::string head;
  http::HeadWriter writer(head);
  writer.status_line(result_.status);
  for (const auto& [name, value] : result_.fields) {
    if (!http::iequals(name, "x-request-id") && !http::iequals(name, kContentLength)) writer.field(name, value);
  }
  head.append(more);
  responder_.send_head(result_.status, head, length());
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
