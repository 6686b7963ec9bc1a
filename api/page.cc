#include "api/page.h"

#include <array>

#include "base/assert.h"

namespace tidegate::api {

namespace {

struct Place {
  std::string_view path;
  std::string_view file;
  std::string_view content_type;
};

constexpr std::array kPlaces = {
    Place{"/", "index.html", "text/html; charset=utf-8"},
    Place{"/page.css", "page.css", "text/css; charset=utf-8"},
    Place{"/page.js", "page.js", "text/javascript; charset=utf-8"},
};

PageFile load(const Place& place) {
  for (const EmbeddedFile& file : embedded_files()) {
    if (file.name == place.file) return {place.content_type, file.bytes};
  }
  TG_ASSERT(false);
}

}  // namespace

const PageFile* find_page_file(std::string_view path) {
  static const std::array files = {load(kPlaces[0]), load(kPlaces[1]), load(kPlaces[2])};
  for (size_t i = 0; i < kPlaces.size(); ++i) {
    if (kPlaces[i].path == path) return &files[i];
  }
  return nullptr;
}

}  // namespace tidegate::api
