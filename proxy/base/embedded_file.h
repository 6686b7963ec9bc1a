// A file that is part of the program: cmake/TidegateEmbed.cmake writes the function that returns such files.
#pragma once

#include <span>
#include <string_view>

#include "base/assert.h"

namespace tidegate {

struct EmbeddedFile {
  std::string_view name;  // within its folder: "look.css"
  std::string_view bytes;
};

// REQUIRES that there is one of that name.
inline std::string_view embedded_file(std::span<const EmbeddedFile> files, std::string_view name) {
  for (const EmbeddedFile& file : files) {
    if (file.name == name) return file.bytes;
  }
  TG_ASSERT(false);
}

}  // namespace tidegate
