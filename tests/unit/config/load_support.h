// A small valid file with room for more lines in each kind of section, and the errors of loading it.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "config/load/loader.h"

namespace tidegate::config {

// The variables replace the whole environment, so that no test depends on that of the process.
inline Environment environment_of(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional<std::string>(found->second);
  };
}

inline LoadResult load(const std::string& yaml, std::map<std::string, std::string> variables = {}) {
  return load_text(yaml, "t.yaml", environment_of(std::move(variables)));
}

// One per line.
inline std::string lines_of(const std::vector<Diagnostic>& diagnostics) {
  std::string out;
  for (const Diagnostic& each : diagnostics) out += (out.empty() ? "" : "\n") + each.to_string();
  return out;
}

inline std::string errors_of(const std::string& yaml, std::map<std::string, std::string> variables = {}) {
  return lines_of(load(yaml, std::move(variables)).errors);
}

enum class In { top, queue, upstream, listener, route };

inline std::string indented(const std::string& lines, int columns) {
  std::string out;
  size_t start = 0;
  while (start < lines.size()) {
    const size_t end = std::min(lines.find('\n', start), lines.size());
    out += std::string(static_cast<size_t>(columns), ' ') + lines.substr(start, end - start) + "\n";
    start = end + 1;
  }
  return out;
}

// `lines` begin at: top 1:1, queue 4:5, upstream 4:5, listener 7:5, route 11:9.
inline std::string with(In section, const std::string& lines) {
  const auto here = [&](In which, int columns) { return which == section ? indented(lines, columns) : std::string(); };
  const std::string queue = section == In::queue ? "queues:\n  q:\n    url: sqlite:///tmp/q.db\n" : "";
  return here(In::top, 0) + queue + here(In::queue, 4) +
         "upstreams:\n"
         "  u:\n"
         "    endpoints: [http://127.0.0.1:3001]\n" +
         here(In::upstream, 4) +
         "listeners:\n"
         "  - name: l\n"
         "    address: 127.0.0.1:8081\n" +
         here(In::listener, 4) +
         "    routes:\n"
         "      - name: r\n"
         "        match: {path: /}\n"
         "        upstream: u\n" +
         here(In::route, 8);
}

// One row of a table of mistakes.
struct Mistake {
  In section;
  std::string lines;
  std::string errors;
};

inline void check_all(const std::vector<Mistake>& mistakes) {
  for (const Mistake& mistake : mistakes) {
    CAPTURE(mistake.lines);
    CHECK(errors_of(with(mistake.section, mistake.lines)) == mistake.errors);
  }
}

}  // namespace tidegate::config
