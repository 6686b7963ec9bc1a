// The way through one picture as its bytes arrive, without decoding it: finds where it ends.
//
//   walking ──▶ whole   (advance() or finish() gives the picture)
//           └─▶ refused (they give the refusal)
//
// What it finds does not depend on how the bytes are split. Pure: the owner keeps the bytes.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "optimizer/image/refusal.h"

namespace tidegate::api {

struct WholePicture {
  size_t size = 0;                    // of the picture, which begins the file
  std::string_view missing_end = {};  // what a picture without its end needs after them
};
using PictureVerdict = optimizer::Expected<WholePicture>;

class PictureWalk {
 public:
  virtual ~PictureWalk() = default;

  // `file`: all bytes so far, from the first. Nothing: more are needed. REQUIRES that there was no verdict before.
  virtual std::optional<PictureVerdict> advance(std::string_view file) = 0;
  // No byte follows. REQUIRES that advance() has had the whole file and given no verdict.
  virtual PictureVerdict finish(std::string_view file) = 0;
};

}  // namespace tidegate::api
