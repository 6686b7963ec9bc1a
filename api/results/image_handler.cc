#include "api/results/image_handler.h"

#include "api/results/key_replies.h"

namespace tidegate::api {

using Kind = Finding::Kind;

Reply no_image_reply(const Finding& finding) {
  switch (finding.kind) {
    case Kind::unavailable: return finding.reply;
    case Kind::failed: return problem_reply(404, "failed", finding.report.error);
    case Kind::pending:
      return problem_reply(409, "not_finished", "The picture is not finished yet.", retry_after_line(finding.report));
    case Kind::unknown:
    case Kind::done: break;
  }
  return unknown_key_reply();
}

ImageHandler::ImageHandler(const Backend& backend, SharedReservations& reservations, http::Responder& responder,
                           const std::string& key)
    : responder_(responder),
      key_(key),
      sender_(reservations),
      lookup_(std::make_unique<Lookup>(backend, key, [this](const Finding& finding) { on_found(finding); })) {}

void ImageHandler::on_found(const Finding& finding) {
  if (finding.kind != Kind::done) return send(responder_, no_image_reply(finding));
  // The result of a key never changes.
  const std::string fields = "ETag: \"" + key_ + "\"\r\nCache-Control: public, max-age=86400, immutable\r\n";
  const auto known = responder_.request().fields.find("If-None-Match");
  if (known && (*known == "*" || known->find("\"" + key_ + "\"") != std::string_view::npos)) {
    return send(responder_, {304, "", "", fields, nullptr, "not_modified"});
  }
  if (!sender_.reserve(finding.image)) return send(responder_, busy_reply());
  sender_.begin(responder_, 200, fields);
}

// The handler may outlive the service by one event-loop iteration, so it gives up everything of the service here.
void ImageHandler::on_client_gone() {
  sender_.drop();
  lookup_.reset();
}

}  // namespace tidegate::api
