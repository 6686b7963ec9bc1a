// The input of the image library: the bytes that a client sent. JPEG and PNG are read in pieces, so that the time limit
// or a cancellation ends the decoder's input at any point, such as between the scans of a progressive JPEG. WebP is
// read as a whole: its cost is bounded by the pixels that its header declares.
#pragma once

#include <string>
#include <string_view>

#include <vips/vips8>

#include "optimizer/image/watermark.h"
#include "optimizer/image/work_limit.h"

namespace tidegate::optimizer {

// `bytes` and `limit` must outlive the input, and the input must outlive the images that it opened.
class Input {
 public:
  Input(std::string_view bytes, ImageFormat format, const WorkLimit& limit);
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  // Reads the header. Pixels are decoded once, from top to bottom, when they are needed. `shrink` is for JPEG only.
  // Throws vips::VError.
  vips::VImage open(int shrink = 1);

 private:
  static gint64 read(VipsSourceCustom*, void* buffer, gint64 length, Input* input);
  static gint64 seek(VipsSourceCustom*, gint64 offset, int whence, Input* input);

  std::string kept_;  // a PNG without its text chunks; empty: unchanged
  std::string_view bytes_;
  ImageFormat format_;
  const WorkLimit& limit_;
  size_t at_ = 0;
};

// Stops the evaluation of `image` and of images derived from it once the limit is reached. `limit` must outlive them.
void stop_at_limit(const vips::VImage& image, const WorkLimit& limit);

}  // namespace tidegate::optimizer
