#include "api/picture/check_picture.h"

#include "api/picture/formats.h"
#include "api/picture/sniff.h"

namespace tidegate::api {

namespace {

std::unique_ptr<PictureWalk> walk_for(std::string_view file, const optimizer::ImageLimits& limits) {
  const std::string_view type = sniff_image(file);
  if (type == "image/jpeg") return jpeg_walk(limits);
  if (type == "image/png") return png_walk(limits);
  return type == "image/webp" ? webp_walk(limits) : nullptr;
}

optimizer::Refusal unknown_format() {
  return {415, "unsupported_media_type", "The image is neither JPEG, PNG nor WebP.", {}};
}

}  // namespace

std::optional<PictureVerdict> PictureCheck::advance(std::string_view file) {
  if (!walk_ && file.size() < kSniffBytes) return std::nullopt;
  if (!walk_) walk_ = walk_for(file, limits_);
  if (!walk_) return unknown_format();
  return walk_->advance(file);
}

PictureVerdict PictureCheck::finish(std::string_view file) {
  if (!walk_) walk_ = walk_for(file, limits_);
  return walk_ ? walk_->finish(file) : unknown_format();
}

PictureVerdict check_picture(std::string_view file, const optimizer::ImageLimits& limits) {
  PictureCheck check(limits);
  if (const auto verdict = check.advance(file)) return *verdict;
  return check.finish(file);
}

}  // namespace tidegate::api
