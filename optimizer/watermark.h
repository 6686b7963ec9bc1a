// What the service is for: an image in, the same image out with a text on it, no wider than asked, upright, without
// the metadata that tells where and by whom it was taken. Pure: the same bytes and options give the same bytes.
//
//   bytes ──sniff──▶ header ──limits──▶ pixels ──sRGB──▶ smaller ──upright──▶ text over it ──▶ bytes
//           415              400, 413          400
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "optimizer/image_limits.h"
#include "optimizer/refusal.h"
#include "optimizer/work_limit.h"

namespace tidegate::optimizer {

enum class ImageFormat { jpeg, png, webp };
enum class Position { top_left, top_right, bottom_left, bottom_right, center, tiled };

const char* content_type(ImageFormat format);
std::optional<ImageFormat> parse_format(std::string_view name);  // "jpeg" or "jpg", "png", "webp"
std::optional<Position> parse_position(std::string_view name);   // "top-left" …

inline constexpr int kMaxWidthMin = 16;
inline constexpr double kOpacityMin = 0.05;  // less cannot be seen

struct WatermarkOptions {
  std::string text;  // see optimizer/text.h
  Position position = Position::bottom_right;
  std::optional<int> max_width;       // pixels, 16–16384; a narrower image keeps its size
  int quality = 85;                   // 1–100; for JPEG and WebP, PNG is lossless
  std::optional<ImageFormat> format;  // absent: that of the input
  std::optional<double> opacity;      // 0.05–1; absent: 0.85, tiled 0.45
};

struct Picture {
  std::string bytes;
  ImageFormat format = ImageFormat::jpeg;
  int width = 0;
  int height = 0;
};

// The image library for this process: one object, made before the first watermark() and outliving the last.
class ImageLibrary {
 public:
  explicit ImageLibrary(const char* program);
  ~ImageLibrary();
  ImageLibrary(const ImageLibrary&) = delete;
  ImageLibrary& operator=(const ImageLibrary&) = delete;

  // To be called at the begin and the end of each thread that uses watermark(). Such a thread, and those that the
  // library starts for it, give way to everything else on the machine: a picture takes long anyway, and a cached one or
  // a job's status that waits for the processor behind it is many times later.
  static void begin_thread();
  static void end_thread();
};

// Thread-safe; one thread per call, which begins the limit. Of an animation, the first frame. Refusals: 415 neither
// JPEG, PNG nor WebP; 400 an option out of its range, a damaged or truncated image; 413 more pixels than the limits;
// 422 it takes too long (the image's doing, so not a 5xx that would count against this service); 503 cancelled; 500 the
// library failed.
Answer<Picture> watermark(std::string_view image, const WatermarkOptions& options, const ImageLimits& limits,
                          WorkLimit& work);

}  // namespace tidegate::optimizer
