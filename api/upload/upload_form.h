// Reads the form of POST /upload as it streams in: image, wm_text, wm_position. An error is reported as soon as it is
// certain. Of the image's part it keeps the picture alone, and the key is of that.
#pragma once

#include <optional>
#include <string>

#include "api/http/reply.h"
#include "api/picture/check_picture.h"
#include "api/picture/memory_budget.h"
#include "api/upload/key.h"
#include "api/upload/multipart.h"

namespace tidegate::api {

inline constexpr std::string_view kDefaultPosition = "bottom-right";

class UploadForm final : private PartSink {
 public:
  // `boundary` comes from the Content-Type. The budget must outlive the form.
  UploadForm(std::string_view boundary, uint64_t image_bytes_max, MemoryBudget& budget);

  // A reply is an error; nothing may be fed after it.
  std::optional<Reply> feed(std::string_view piece);
  std::optional<Reply> finish();

  // After finish(): the checked values. The position is never empty.
  const std::string& text() const { return text_; }
  const std::string& position() const { return position_; }
  const std::string& key() const { return key_; }
  std::shared_ptr<Object> take_image() { return std::move(image_); }
  MemoryReservation take_reservation() { return std::move(reservation_); }

 private:
  enum class Part { none, image, text, position };

  Complaint on_part(const PartHeaders& headers) override;
  Complaint on_part_data(std::string_view piece) override;
  Complaint on_part_end() override;

  Complaint on_image_data(std::string_view piece);
  Complaint on_image_end();
  Complaint refuse_picture(const optimizer::Refusal& refusal);
  Complaint refuse(Reply reply);
  std::optional<Reply> refusal_for(const Complaint& complaint);

  const uint64_t image_bytes_max_;
  std::shared_ptr<Object> image_ = std::make_shared<Object>();
  PictureCheck check_;
  bool is_whole_ = false;  // the picture; what follows it in its part is dropped
  KeyHasher hasher_;
  std::string text_;
  std::string position_;
  std::string key_;
  bool seen_[4] = {};  // by Part
  Part part_ = Part::none;
  MemoryReservation reservation_;
  std::optional<Reply> refusal_;  // for an error other than 400 bad_request
  MultipartParser parser_;
};

}  // namespace tidegate::api
