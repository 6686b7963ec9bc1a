#include "api/image_sender.h"

#include <algorithm>

#include "http/message/writer.h"

namespace tidegate::api {

namespace {

constexpr size_t kPieceBytes = 256 * 1024;

}  // namespace

void ImageSender::begin(http::Responder& responder, uint16_t status, ObjectPtr image, std::string_view fields) {
  responder_ = &responder;
  image_ = std::move(image);
  std::string head;
  http::HeadWriter writer(head);
  writer.status_line(status);
  writer.field("Content-Type", image_->content_type);
  head.append(kCommonFields).append(fields);
  responder.send_head(status, head, image_->bytes.size());
  if (responder.request().method == "HEAD") sent_ = image_->bytes.size();
  go_on();
}

bool ImageSender::go_on() {
  const std::string_view bytes = image_->bytes;
  while (sent_ < bytes.size() && responder_->write_pending() < kPieceBytes) {
    const std::string_view piece = bytes.substr(sent_, kPieceBytes);
    sent_ += piece.size();
    responder_->send_body(piece);
    if (!responder_) return false;  // the client was found gone
  }
  if (sent_ < bytes.size()) return false;
  http::Responder* responder = responder_;
  responder_ = nullptr;
  responder->finish();
  return true;
}

}  // namespace tidegate::api
