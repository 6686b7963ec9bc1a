#include "api/page.h"

#include <array>
#include <utility>

#include "base/assert.h"

namespace tidegate::api {

namespace {

constexpr std::string_view kFolder = "/page/";
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kTypes = {{
    {".html", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".svg", "image/svg+xml"},
}};

std::string_view type_of(std::string_view name) {
  for (const auto& [ending, type] : kTypes) {
    if (name.ends_with(ending)) return type;
  }
  TG_ASSERT(false);
}

}  // namespace

std::optional<PageFile> find_page_file(std::string_view path) {
  if (path != "/" && !path.starts_with(kFolder)) return std::nullopt;
  const std::string_view name = path == "/" ? "index.html" : path.substr(kFolder.size());
  if (name == "index.html" && path != "/") return std::nullopt;  // it has one address: "/"
  for (const EmbeddedFile& file : embedded_files()) {
    if (file.name == name) return PageFile{type_of(name), file.bytes};
  }
  return std::nullopt;
}

}  // namespace tidegate::api
