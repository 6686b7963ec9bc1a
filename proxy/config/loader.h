// YAML -> Config, with every error at file:line:column.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace tidegate::config {

struct Diagnostic {
  std::string file;
  Position position;  // 1-based
  std::string path;   // "listeners[0].routes[1].timeout.total"
  std::string what;   // "unknown key; did you mean `timeout`?"

  // "tidegate.yaml:12:7: upstreams.optimizer.breker: unknown key; did you mean `breaker`?"
  std::string to_string() const;
};

struct LoadResult {
  std::shared_ptr<const Config> config;  // null when there are errors
  std::vector<Diagnostic> errors;        // in file order
};

// Reads environment variables by `getenv` (a test's own; default ::getenv).
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

LoadResult load_file(const std::string& path, const Environment& environment = {});
LoadResult load_text(std::string_view yaml, const std::string& file_name, const Environment& environment = {});

// What `tidegate check` prints, with the line end. Text: a diagnostic a line, then "3 errors"; or
// "tidegate.yaml: ok: 1 listener, 1 route, 1 upstream, 1 queue". JSON:
// {"ok":false,"errors":[{"file","line","column","path","what"}]}; line 0: the error is the whole file's.
std::string check_report(const LoadResult& result, bool json);

}  // namespace tidegate::config
