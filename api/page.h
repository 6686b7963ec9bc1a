// The page at "/": the files of api/page, embedded into the program by cmake/TidegateEmbed.cmake.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "base/embedded_file.h"

namespace tidegate::api {

std::span<const EmbeddedFile> embedded_files();  // defined in the source that tidegate_embed() writes

struct PageFile {
  std::string_view content_type;
  std::string_view bytes;
};

// The file at a path: "/" is index.html, "/page/NAME" any other file. Nothing: not a file of the page.
std::optional<PageFile> find_page_file(std::string_view path);

// Header lines of each file. The page may load only its own files, this service and the chosen picture, and no script
// can turn text into code or markup (Trusted Types without any policy).
inline constexpr std::string_view kPageFields =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cache-Control: no-cache\r\n";

}  // namespace tidegate::api
