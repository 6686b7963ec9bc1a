// A client's bytes as the image library reads them. JPEG and PNG are handed over piece by piece, so that a decoder
// whose work is over finds its input ended wherever it is: between the scans of a progressive JPEG, in compressed data
// that goes on and on. WebP is read as a whole, and its work is bounded by the pixels that its header announces.
#pragma once

#include <string>
#include <string_view>

#include <vips/vips8>

#include "optimizer/watermark.h"
#include "optimizer/work_limit.h"

namespace tidegate::optimizer {

// `bytes` and `limit` must outlive it, and it the images it has opened.
class Input {
 public:
  Input(std::string_view bytes, ImageFormat format, const WorkLimit& limit);
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  // Reads the header; pixels are decoded once, from top to bottom, when something asks for them. `shrink` is a JPEG's.
  // Throws vips::VError.
  vips::VImage open(int shrink = 1);

 private:
  static gint64 read(VipsSourceCustom*, void* buffer, gint64 length, Input* input);
  static gint64 seek(VipsSourceCustom*, gint64 offset, int whence, Input* input);

  std::string kept_;  // a PNG without its texts, where it had any
  std::string_view bytes_;
  ImageFormat format_;
  const WorkLimit& limit_;
  size_t at_ = 0;
};

// Stops the evaluation of `image`, and of what is made from it, once the work is over. `limit` must outlive them.
void stop_when_over(const vips::VImage& image, const WorkLimit& limit);

// A PNG without its text chunks, which say nothing about the pixels and may unpack to a thousand times their size;
// empty where it has none. Pure.
std::string without_texts(std::string_view png);

}  // namespace tidegate::optimizer
