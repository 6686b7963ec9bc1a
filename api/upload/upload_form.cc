#include "api/upload/upload_form.h"

#include <algorithm>
#include <array>

#include "api/picture/sniff.h"
#include "optimizer/image/text.h"

namespace tidegate::api {

namespace {

// As in the optimizer (optimizer/image/watermark.h).
constexpr std::array<std::string_view, 6> kPositions = {"top-left",     "top-right", "bottom-left",
                                                        "bottom-right", "center",    "tiled"};
constexpr size_t kTextBytesMax = 4 * optimizer::kTextCodePointsMax;  // the longest UTF-8
constexpr size_t kPositionBytesMax = 32;

// .NET sends names beyond ASCII as a word of RFC 2047, whose Base64 may have slashes.
bool has_path(std::string_view filename) {
  const bool is_encoded_word = filename.starts_with("=?") && filename.ends_with("?=");
  return !is_encoded_word && filename.find_first_of("/\\") != std::string_view::npos;
}

}  // namespace

UploadForm::UploadForm(std::string_view boundary, uint64_t image_bytes_max, MemoryBudget& budget)
    : image_bytes_max_(image_bytes_max), reservation_(budget), parser_(boundary, MultipartLimits{}, *this) {}

std::optional<Reply> UploadForm::feed(std::string_view piece) { return refusal_for(parser_.feed(piece)); }

std::optional<Reply> UploadForm::finish() {
  if (const auto complaint = parser_.finish()) return refusal_for(complaint);
  if (!seen_[static_cast<size_t>(Part::image)]) return refusal_for("The form has no image.");
  if (!seen_[static_cast<size_t>(Part::text)]) return refusal_for("The form has no wm_text.");
  const auto text = optimizer::check_text(text_);
  if (const auto* refusal = std::get_if<optimizer::Refusal>(&text)) return refusal_for("wm_" + refusal->detail);
  if (position_.empty()) position_ = kDefaultPosition;
  if (std::find(kPositions.begin(), kPositions.end(), position_) == kPositions.end()) {
    return refusal_for("wm_position must be top-left, top-right, bottom-left, bottom-right, center or tiled.");
  }
  key_ = hasher_.finish(text_, position_);
  return std::nullopt;
}

Complaint UploadForm::refuse(Reply reply) {
  refusal_ = std::move(reply);
  return "";
}

std::optional<Reply> UploadForm::refusal_for(const Complaint& complaint) {
  if (!complaint) return std::nullopt;
  if (refusal_) return std::move(*refusal_);
  return problem_reply(400, "bad_request", *complaint);
}

Complaint UploadForm::on_part(const PartHeaders& headers) {
  part_ = headers.name == "image"         ? Part::image
          : headers.name == "wm_text"     ? Part::text
          : headers.name == "wm_position" ? Part::position
                                          : Part::none;
  if (part_ == Part::none) return "The form has an unknown part; allowed are image, wm_text and wm_position.";
  // The name is never used; browsers send it without a path.
  if (headers.filename && has_path(*headers.filename)) {
    return "The file name of " + headers.name + " contains a path; send the name alone.";
  }
  bool& seen = seen_[static_cast<size_t>(part_)];
  if (seen) return "The form has " + headers.name + " twice.";
  seen = true;
  return std::nullopt;
}

Complaint UploadForm::on_part_data(std::string_view piece) {
  if (part_ == Part::image) return on_image_data(piece);
  std::string& value = part_ == Part::text ? text_ : position_;
  if (value.size() + piece.size() > (part_ == Part::text ? kTextBytesMax : kPositionBytesMax)) {
    return part_ == Part::text ? "wm_text is too long." : "wm_position is too long.";
  }
  value += piece;
  return std::nullopt;
}

Complaint UploadForm::on_image_data(std::string_view piece) {
  if (is_whole_) return std::nullopt;
  std::string& bytes = image_->bytes;
  const size_t before = bytes.size();
  // The check goes first, so that the first error does not depend on how the form is split.
  const std::string_view taken = piece.substr(0, image_bytes_max_ - before);
  if (!reservation_.grow(taken.size())) return refuse(busy_reply());
  bytes += taken;
  if (const auto verdict = check_.advance(bytes)) {
    if (const auto* refusal = std::get_if<optimizer::Refusal>(&*verdict)) return refuse_picture(*refusal);
    is_whole_ = true;
    bytes.resize(std::get<WholePicture>(*verdict).size);
    reservation_.shrink_to(bytes.size());
  }
  hasher_.add_image(std::string_view(bytes).substr(before));
  if (is_whole_ || taken.size() == piece.size()) return std::nullopt;
  return refuse(
      problem_reply(413, "body_too_large", "The image is larger than " + std::to_string(image_bytes_max_) + " bytes."));
}

Complaint UploadForm::on_part_end() { return part_ == Part::image ? on_image_end() : std::nullopt; }

Complaint UploadForm::on_image_end() {
  std::string& bytes = image_->bytes;
  if (bytes.empty()) return "The image is empty.";
  if (!is_whole_) {
    const PictureVerdict verdict = check_.finish(bytes);
    if (const auto* refusal = std::get_if<optimizer::Refusal>(&verdict)) return refuse_picture(*refusal);
    const auto& picture = std::get<WholePicture>(verdict);
    bytes.resize(picture.size);
    bytes += picture.missing_end;
    bytes.shrink_to_fit();  // what was cut off may have been most of it
    reservation_.shrink_to(bytes.size());
    hasher_.forget_image();
    hasher_.add_image(bytes);
    is_whole_ = true;
  }
  image_->content_type = sniff_image(bytes);
  return std::nullopt;
}

Complaint UploadForm::refuse_picture(const optimizer::Refusal& refusal) {
  return refuse(problem_reply(refusal.status, refusal.reason, refusal.detail));
}

}  // namespace tidegate::api
