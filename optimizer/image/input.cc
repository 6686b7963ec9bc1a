#include "optimizer/image/input.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "optimizer/image/png_chunks.h"

namespace tidegate::optimizer {

using vips::VImage;
using vips::VOption;

namespace {

void on_eval(VipsImage* image, VipsProgress*, const WorkLimit* limit) {
  if (limit->reached()) vips_image_set_kill(image, TRUE);
}

}  // namespace

Input::Input(std::string_view bytes, ImageFormat format, const WorkLimit& limit)
    : kept_(format == ImageFormat::png ? without_text_chunks(bytes) : std::string()),
      bytes_(kept_.empty() ? bytes : kept_),
      format_(format),
      limit_(limit) {}

VImage Input::open(int shrink) {
  VOption* options = VImage::option()->set("access", VIPS_ACCESS_SEQUENTIAL)->set("fail_on", VIPS_FAIL_ON_ERROR);
  if (format_ == ImageFormat::webp) {
    VipsBlob* blob = vips_blob_new(nullptr, bytes_.data(), bytes_.size());
    const VImage image = VImage::webpload_buffer(blob, options);
    vips_area_unref(VIPS_AREA(blob));
    return image;
  }
  at_ = 0;
  VipsSourceCustom* custom = vips_source_custom_new();
  g_signal_connect(custom, "read", G_CALLBACK(&Input::read), this);
  g_signal_connect(custom, "seek", G_CALLBACK(&Input::seek), this);
  const vips::VSource source(VIPS_SOURCE(custom));
  if (format_ == ImageFormat::png) return VImage::pngload_source(source, options);
  return VImage::jpegload_source(source, options->set("shrink", shrink));
}

gint64 Input::read(VipsSourceCustom*, void* buffer, gint64 length, Input* input) {
  if (input->limit_.reached()) return -1;
  const size_t count = std::min(static_cast<size_t>(length), input->bytes_.size() - input->at_);
  std::memcpy(buffer, input->bytes_.data() + input->at_, count);
  input->at_ += count;
  return static_cast<gint64>(count);
}

gint64 Input::seek(VipsSourceCustom*, gint64 offset, int whence, Input* input) {
  const auto size = static_cast<gint64>(input->bytes_.size());
  if (whence == SEEK_CUR) offset += static_cast<gint64>(input->at_);
  if (whence == SEEK_END) offset += size;
  if (offset < 0 || offset > size) return -1;
  input->at_ = static_cast<size_t>(offset);
  return offset;
}

void stop_at_limit(const VImage& image, const WorkLimit& limit) {
  vips_image_set_progress(image.get_image(), TRUE);
  g_signal_connect(image.get_image(), "eval", G_CALLBACK(on_eval), const_cast<WorkLimit*>(&limit));
}

}  // namespace tidegate::optimizer
