#include "api/http/image_sender.h"

#include <utility>

#include "base/assert.h"
#include "http/message/writer.h"

namespace tidegate::api {

namespace {

constexpr size_t kPieceBytes = 256 * 1024;

}  // namespace

bool ImageSender::reserve(ObjectPtr image) {
  reservation_ = reservations_.reserve(image);
  if (!reservation_) return false;
  image_ = std::move(image);
  return true;
}

void ImageSender::begin(http::Responder& responder, uint16_t status, std::string_view fields) {
  TG_ASSERT(reservation_);
  responder_ = &responder;
  std::string head;
  http::HeadWriter writer(head);
  writer.status_line(status);
  writer.field("Content-Type", image_->content_type);
  head.append(kCommonFields).append(fields);
  responder.send_head(status, head, image_->bytes.size());
  if (responder.request().method == "HEAD") sent_ = image_->bytes.size();
  resume();
}

bool ImageSender::resume() {
  if (!responder_) return false;
  const std::string_view bytes = image_->bytes;
  while (sent_ < bytes.size() && responder_->write_pending() < kPieceBytes) {
    const std::string_view piece = bytes.substr(sent_, kPieceBytes);
    sent_ += piece.size();
    responder_->send_body(piece);
    if (!responder_) return false;  // the client is gone
  }
  if (sent_ < bytes.size()) return false;
  reservation_.reset();
  std::exchange(responder_, nullptr)->finish();
  return true;
}

// The image stays: send_body() may be reading it.
void ImageSender::drop() {
  responder_ = nullptr;
  reservation_.reset();
}

}  // namespace tidegate::api
