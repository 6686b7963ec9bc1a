#include "config/yaml/diagnostics.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace tidegate::config {

namespace {

constexpr size_t kShownMax = 60;

bool plain_key(std::string_view key) {
  return !key.empty() && key.size() <= kShownMax && std::all_of(key.begin(), key.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  });
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const unsigned char c : text.substr(0, kShownMax)) {
    if (c == '\n') out += "\\n";
    else if (c < 0x20 || c == 0x7f) out += fmt::format("\\x{:02x}", c);
    else out += static_cast<char>(c);
  }
  if (text.size() <= kShownMax) return out;
  while (!out.empty() && (out.back() & 0xc0) == 0x80) out.pop_back();  // do not cut inside a UTF-8 sequence
  if (!out.empty() && (out.back() & 0x80) != 0) out.pop_back();
  return out + "...";
}

}  // namespace

std::vector<Diagnostic> Diagnostics::take() {
  std::stable_sort(all_.begin(), all_.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.position.line, a.position.column) < std::tie(b.position.line, b.position.column);
  });
  return std::move(all_);
}

std::string Diagnostic::to_string() const {
  std::string out = file;
  if (position.line > 0) out += fmt::format(":{}:{}", position.line, position.column);
  out += severity == Severity::warning ? ": warning: " : ": ";
  if (!path.empty()) out += path + ": ";
  return out + what;
}

std::string join_path(const std::string& path, std::string_view key) {
  std::string joined;
  joined.reserve(path.size() + 1 + key.size());
  joined += path;
  if (!path.empty()) joined += '.';
  if (plain_key(key)) joined += key;
  else joined += "\"" + escaped(key) + "\"";
  return joined;
}

std::string join_path(const std::string& path, size_t index) { return path + "[" + std::to_string(index) + "]"; }

std::string shown(std::string_view text) { return "`" + escaped(text) + "`"; }

}  // namespace tidegate::config
