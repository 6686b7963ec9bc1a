// The form of POST /upload as it streams in: image, wm_text, wm_position. Refuses at the first byte that tells.
#pragma once

#include <optional>
#include <string>

#include "api/reply.h"
#include "api/store/image.h"
#include "api/upload/key.h"
#include "api/upload/multipart.h"
#include "api/upload/room.h"

namespace tidegate::api {

inline constexpr std::string_view kDefaultPosition = "bottom-right";

class UploadForm final : private PartSink {
 public:
  // `boundary` of the Content-Type. The budget outlives the form.
  UploadForm(std::string_view boundary, uint64_t image_bytes_max, RoomBudget& budget);

  // A refusal, after which nothing may be fed. Otherwise nothing.
  std::optional<Reply> feed(std::string_view piece);
  std::optional<Reply> finish();

  // After finish(): what was sent, checked; the position is never empty.
  const std::string& text() const { return text_; }
  const std::string& position() const { return position_; }
  const std::string& key() const { return key_; }
  std::shared_ptr<Object> take_image() { return std::move(image_); }
  Room take_room() { return std::move(room_); }

 private:
  enum class Part { none, image, text, position };

  Complaint on_part(const PartHead& head) override;
  Complaint on_part_data(std::string_view piece) override;
  Complaint on_part_end() override;

  Complaint on_image_data(std::string_view piece);
  Complaint refuse(Reply reply);
  std::optional<Reply> refusal_for(const Complaint& complaint);

  const uint64_t image_bytes_max_;
  std::shared_ptr<Object> image_ = std::make_shared<Object>();
  KeyHasher hasher_;
  std::string text_;
  std::string position_;
  std::string key_;
  bool seen_[4] = {};  // by Part
  Part part_ = Part::none;
  Room room_;
  std::optional<Reply> refusal_;  // where a complaint is more than a bad request
  MultipartParser parser_;
};

}  // namespace tidegate::api
