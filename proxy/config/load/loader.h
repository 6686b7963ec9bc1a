// Loads a configuration: YAML -> Config, every error with its file:line:column.
//
//   text ──parse_document──▶ tree ──prepare──▶ tree ──read_config──▶ Config ──check_config──▶ Config
//          YAML, UTF-8         ${...}, duplicates     keys, types, ranges     references between sections
//
// Without errors, find_warnings looks for what has no effect. Of the machine only files that are named are looked at,
// and where the socket of takeovers would be made: a folder that is missing there is a warning, as it may be made
// before the start.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/yaml/diagnostics.h"
#include "config/yaml/effective.h"
#include "config/yaml/substitution.h"

namespace tidegate::config {

struct LoadResult {
  std::shared_ptr<const Config> config;  // null when there are errors
  std::vector<Diagnostic> errors;        // in file order
  std::vector<Diagnostic> warnings;      // in file order; none when there are errors
  Effective effective;                   // empty when there are errors
};

// As a path, the standard input, which messages call "stdin".
inline constexpr std::string_view kStandardInput = "-";

// `environment`: what ${NAME} is read from; default: the process's environment. `takeover_socket`: where this process
// listens already, so that nothing has to be right there.
LoadResult load_file(const std::string& path, const Environment& environment = {},
                     const std::string& takeover_socket = {});
LoadResult load_text(std::string_view yaml, const std::string& file_name, const Environment& environment = {},
                     const std::string& takeover_socket = {});

// What `tidegate check` prints, with the line end. Text: one diagnostic per line, then "3 errors"; or
// "tidegate.yaml: ok: 1 listener, 1 route, 1 upstream, 1 queue", with ", 1 warning" where there are some. JSON:
// {"ok":false,"errors":[{"file","line","column","path","what"}],"warnings":[...]}; line 0: the whole file.
std::string check_report(const LoadResult& result, bool json);

}  // namespace tidegate::config
