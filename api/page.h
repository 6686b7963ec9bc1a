// The page at "/": the files of api/page, part of the program (embed_page.cmake).
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace tidegate::api {

struct EmbeddedFile {
  std::string_view name;  // "look.css"
  std::string_view bytes;
};
std::span<const EmbeddedFile> embedded_files();  // in the source that embed_page.cmake writes

struct PageFile {
  std::string_view content_type;
  std::string_view bytes;
};

// What stands at a path: "/" is index.html, "/page/NAME" every other file. Nothing: none of the page's.
std::optional<PageFile> find_page_file(std::string_view path);

// Fields for each of them: nothing but the page's own files, this service and the chosen picture. No text becomes code
// or markup in it: there is no policy under which a script could make any (Trusted Types).
inline constexpr std::string_view kPageFields =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cache-Control: no-cache\r\n";

}  // namespace tidegate::api
