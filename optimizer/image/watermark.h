// Draws a watermark on an image. The result is upright, at most as wide as requested, and has no metadata. Pure: the
// same bytes and options give the same result.
//
//   bytes ──sniff──▶ header ──limits──▶ pixels ──▶ sRGB ──▶ resized ──▶ upright ──▶ with text ──▶ bytes
//           415              400, 413          400
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "optimizer/image/image_limits.h"
#include "optimizer/image/refusal.h"
#include "optimizer/image/work_limit.h"

namespace tidegate::optimizer {

enum class ImageFormat { jpeg, png, webp };
enum class Position { top_left, top_right, bottom_left, bottom_right, center, tiled };

const char* content_type(ImageFormat format);
std::optional<ImageFormat> parse_format(std::string_view name);  // "jpeg" or "jpg", "png", "webp"
std::optional<Position> parse_position(std::string_view name);   // "top-left" …

inline constexpr int kMaxWidthMin = 16;
inline constexpr double kOpacityMin = 0.05;  // less is invisible

struct WatermarkOptions {
  std::string text;  // see text.h
  Position position = Position::bottom_right;
  std::optional<int> max_width;       // pixels, 16–16384; a narrower image is not enlarged
  int quality = 85;                   // 1–100, for JPEG and WebP; PNG is lossless
  std::optional<ImageFormat> format;  // absent: the format of the input
  std::optional<double> opacity;      // 0.05–1; absent: 0.85, tiled 0.45
};

struct Picture {
  std::string bytes;
  ImageFormat format = ImageFormat::jpeg;
  int width = 0;
  int height = 0;
};

// The image library of this process: one object, which must outlive all calls of watermark().
class ImageLibrary {
 public:
  explicit ImageLibrary(const char* program);
  ~ImageLibrary();
  ImageLibrary(const ImageLibrary&) = delete;
  ImageLibrary& operator=(const ImageLibrary&) = delete;

  // Call them at the beginning and the end of each thread that calls watermark(). They lower the priority of the thread
  // and of those that the library starts for it, so that fast requests, such as cached pictures and job states, do not
  // wait for the CPU behind slow ones.
  static void begin_thread();
  static void end_thread();
};

// Thread-safe. Starts the work limit. Uses the first frame of an animation. Refusals: 415 neither JPEG, PNG nor WebP;
// 400 an option out of range, or a damaged or truncated image; 413 more pixels than the limits; 422 it takes too long
// (an error of the image, so it must not count as a failure of this service); 503 cancelled; 500 the library failed.
Expected<Picture> watermark(std::string_view image, const WatermarkOptions& options, const ImageLimits& limits,
                            WorkLimit& work);

}  // namespace tidegate::optimizer
