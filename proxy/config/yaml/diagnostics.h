// The errors and the warnings of one load. A reader records an error and goes on, so that one check reports all of
// them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidegate::config {

struct Position {
  int line = 0;  // 1-based; 0 = the error concerns the whole file
  int column = 0;
};

enum class Severity : uint8_t {
  error,    // the configuration cannot be used
  warning,  // it can, but what it says has no effect
};

struct Diagnostic {
  std::string file;
  Position position;
  std::string path;  // "listeners[0].routes[1].timeout.total"
  std::string what;  // "unknown key; did you mean `timeout`?"
  Severity severity = Severity::error;

  // "tidegate.yaml:12:7: upstreams.optimizer.breker: unknown key; did you mean `breaker`?"; of a warning
  // "tidegate.yaml:12:3: warning: upstreams.optimizer: no route uses this upstream"
  std::string to_string() const;
};

class Diagnostics {
 public:
  explicit Diagnostics(std::string file, Severity severity = Severity::error)
      : file_(std::move(file)), severity_(severity) {}

  void add(Position at, std::string path, std::string what) {
    all_.push_back({file_, at, std::move(path), std::move(what), severity_});
  }
  bool empty() const { return all_.empty(); }

  // Moves them out, in file order; those at the same location in the order they were added.
  std::vector<Diagnostic> take();

 private:
  std::string file_;
  Severity severity_;
  std::vector<Diagnostic> all_;
};

// "upstreams" and "optimizer" -> "upstreams.optimizer". A key other than a plain word is quoted and escaped.
std::string join_path(const std::string& path, std::string_view key);
// "listeners" and 2 -> "listeners[2]".
std::string join_path(const std::string& path, size_t index);

// `text` for a message: in backticks, escaped, truncated.
std::string shown(std::string_view text);

}  // namespace tidegate::config
