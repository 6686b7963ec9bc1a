// The errors of one load, collected: a reader never stops at the first.
#pragma once

#include <string>
#include <vector>

#include "config/loader.h"

namespace tidegate::config {

class Diagnostics {
 public:
  explicit Diagnostics(std::string file) : file_(std::move(file)) {}

  void add(Position at, std::string path, std::string what) {
    errors_.push_back({file_, at, std::move(path), std::move(what)});
  }
  bool empty() const { return errors_.empty(); }

  // In file order; those of one place in the order they were added.
  std::vector<Diagnostic> take();

 private:
  std::string file_;
  std::vector<Diagnostic> errors_;
};

// "upstreams" and "optimizer" -> "upstreams.optimizer"; a key that is no plain word is quoted and escaped.
std::string join_path(const std::string& path, std::string_view key);
// "listeners" and 2 -> "listeners[2]".
std::string join_path(const std::string& path, size_t index);

// `text` for a message: in backticks, escaped, cut to a line's length.
std::string shown(std::string_view text);

}  // namespace tidegate::config
