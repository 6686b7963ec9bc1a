// The page at "/": three files of api/page, part of the program (embed_page.cmake).
#pragma once

#include <span>
#include <string_view>

namespace tidegate::api {

struct EmbeddedFile {
  std::string_view name;  // "page.css"
  std::string_view bytes;
};
std::span<const EmbeddedFile> embedded_files();  // in the source that embed_page.cmake writes

struct PageFile {
  std::string_view content_type;
  std::string_view bytes;
};

// What stands at a path: "/", "/page.css", "/page.js". Null: none of the page's.
const PageFile* find_page_file(std::string_view path);

// Fields for each of them: nothing but the page's own files, this service and the chosen picture.
inline constexpr std::string_view kPageFields =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cache-Control: no-cache\r\n";

}  // namespace tidegate::api
