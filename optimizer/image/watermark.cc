#include "optimizer/image/watermark.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <utility>

#include <vips/vips8>

#include "base/assert.h"
#include "base/log.h"
#include "optimizer/image/codec.h"
#include "optimizer/image/overlay.h"
#include "optimizer/image/text.h"

namespace tidegate::optimizer {

using vips::VError;
using vips::VImage;

namespace {

constexpr int kNiceness = 10;
constexpr int kWebpSideMax = 16383;  // the limit of the format
constexpr double kOpacityOnce = 0.85;
constexpr double kOpacityTiled = 0.45;  // it covers the whole picture, which must stay visible

constexpr std::array<std::pair<std::string_view, ImageFormat>, 4> kFormats{
    {{"jpeg", ImageFormat::jpeg}, {"jpg", ImageFormat::jpeg}, {"png", ImageFormat::png}, {"webp", ImageFormat::webp}}};
constexpr std::array<std::pair<std::string_view, Position>, 6> kPositions{{{"top-left", Position::top_left},
                                                                           {"top-right", Position::top_right},
                                                                           {"bottom-left", Position::bottom_left},
                                                                           {"bottom-right", Position::bottom_right},
                                                                           {"center", Position::center},
                                                                           {"tiled", Position::tiled}}};

template <typename Table>
auto look_up(const Table& table, std::string_view name) -> std::optional<decltype(table.front().second)> {
  for (const auto& [known, value] : table) {
    if (known == name) return value;
  }
  return std::nullopt;
}

// Messages of the library are logged at debug level, so that damaged images cannot flood the log.
void log_library_message(const char* domain, GLogLevelFlags, const char* message, void*) {
  log_debug("image_library",
            {{"domain", std::string_view(domain ? domain : "")}, {"message", std::string_view(message)}});
}

std::optional<Refusal> check_ranges(const WatermarkOptions& options) {
  if (options.quality < 1 || options.quality > 100) return bad_request("quality must be from 1 to 100.");
  if (options.max_width && (*options.max_width < kMaxWidthMin || *options.max_width > kSideMax)) {
    return bad_request("max_width must be from 16 to 16384 pixels.");
  }
  if (options.opacity && !(*options.opacity >= kOpacityMin && *options.opacity <= 1))
    return bad_request("opacity must be from 0.05 to 1.");
  return std::nullopt;
}

// The messages of the library end in line feeds.
std::string take_cause(const VError& error) {
  std::string cause = error.what();
  while (!cause.empty() && cause.back() == '\n') cause.pop_back();
  vips_error_clear();
  return cause;
}

// The refusal of work that reached its limit, whatever its result.
std::optional<Refusal> check_limit(const WorkLimit& work) {
  if (work.cancelled()) return Refusal{503, "cancelled", "The request was cancelled.", {}};
  if (work.reached()) return Refusal{422, "too_slow", "Processing the image takes longer than the limit.", {}};
  return std::nullopt;
}

Expected<VImage> decode_or_refuse(std::string_view bytes, ImageFormat format, std::optional<int> max_width,
                                  const ImageLimits& limits, const WorkLimit& work) {
  try {
    return decode(bytes, format, max_width, limits, work);
  } catch (const VError& error) {
    return Refusal{400, "bad_image", "The image is damaged or incomplete.", take_cause(error)};
  }
}

Expected<Picture> draw_and_encode(const VImage& image, const std::string& text, const WatermarkOptions& options,
                                  ImageFormat format, const WorkLimit& work) {
  if (format == ImageFormat::webp && std::max(image.width(), image.height()) > kWebpSideMax) {
    return bad_request("WebP images can have at most 16383 pixels on a side: set max_width or another format.");
  }
  const double opacity = options.opacity.value_or(options.position == Position::tiled ? kOpacityTiled : kOpacityOnce);
  try {
    const VImage marked = draw_text(image, text, options.position, opacity);
    return Picture{encode(marked, format, options.quality, work), format, marked.width(), marked.height()};
  } catch (const VError& error) {
    return Refusal{500, "internal_error", "The watermark could not be drawn.", take_cause(error)};
  }
}

}  // namespace

const char* content_type(ImageFormat format) {
  switch (format) {
    case ImageFormat::jpeg: return "image/jpeg";
    case ImageFormat::png: return "image/png";
    case ImageFormat::webp: return "image/webp";
  }
  return "application/octet-stream";
}

std::optional<ImageFormat> parse_format(std::string_view name) { return look_up(kFormats, name); }
std::optional<Position> parse_position(std::string_view name) { return look_up(kPositions, name); }

ImageLibrary::ImageLibrary(const char* program) {
  TG_ASSERT(VIPS_INIT(program) == 0);
  vips_cache_set_max(0);    // the same picture does not return, and clients' pictures must not be kept
  vips_concurrency_set(1);  // the threads are those of the work pool: one per picture
  g_log_set_default_handler(log_library_message, nullptr);
}

ImageLibrary::~ImageLibrary() {
  g_log_set_default_handler(g_log_default_handler, nullptr);
  vips_shutdown();
}

// On Linux, 0 is the calling thread. Failure only means that other work waits longer.
void ImageLibrary::begin_thread() { setpriority(PRIO_PROCESS, 0, kNiceness); }

void ImageLibrary::end_thread() { vips_thread_shutdown(); }

Expected<Picture> watermark(std::string_view image, const WatermarkOptions& options, const ImageLimits& limits,
                            WorkLimit& work) {
  work.begin();
  if (auto refusal = check_ranges(options)) return *refusal;
  auto text = check_text(options.text);
  if (auto* refusal = std::get_if<Refusal>(&text)) return *refusal;
  if (image.empty()) return bad_request("The body is empty; send the image in it.");
  const auto format = sniff_format(image);
  if (!format) return Refusal{415, "unsupported_media_type", "The body is not a JPEG, PNG or WebP image.", {}};
  auto pixels = decode_or_refuse(image, *format, options.max_width, limits, work);
  if (auto refusal = check_limit(work)) return *refusal;
  if (auto* refusal = std::get_if<Refusal>(&pixels)) return *refusal;
  auto picture = draw_and_encode(std::get<VImage>(pixels), std::get<std::string>(text), options,
                                 options.format.value_or(*format), work);
  if (std::holds_alternative<Picture>(picture)) return picture;
  if (auto refusal = check_limit(work)) return *refusal;
  return picture;
}

}  // namespace tidegate::optimizer
