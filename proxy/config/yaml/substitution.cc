#include "config/yaml/substitution.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "config/yaml/diagnostics.h"

namespace tidegate::config {

namespace {

constexpr size_t kSecretBytesMax = 64 * 1024;

Error failed(std::string message) { return {ErrorCode::invalid, std::move(message)}; }

bool is_variable_name(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && letter(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

Result<std::string> from_file(const std::string& path) {
  if (!path.starts_with('/')) return failed("${file:...} requires an absolute path such as ${file:/run/secrets/token}");
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  std::string content(kSecretBytesMax + 1, '\0');
  stream.read(content.data(), static_cast<std::streamsize>(content.size()));
  if (!stream.is_open() || stream.bad()) {
    return failed("cannot read file " + shown(path) + ": " + std::strerror(errno != 0 ? errno : EIO));
  }
  content.resize(static_cast<size_t>(stream.gcount()));
  if (content.size() > kSecretBytesMax) return failed("file " + shown(path) + " is larger than 64 KiB");
  if (content.ends_with('\n')) content.pop_back();
  if (content.ends_with('\r')) content.pop_back();
  if (content.empty()) return failed("file " + shown(path) + " is empty");  // a secret that is none protects nothing
  return content;
}

Result<std::string> from_environment(std::string_view name, std::optional<std::string_view> fallback,
                                     const Environment& environment) {
  if (!is_variable_name(name)) {
    return failed(shown("${" + std::string(name) + "}") + " is not ${NAME}, ${NAME:-default} or ${file:/path}");
  }
  auto value = environment(std::string(name));
  if (value && (!value->empty() || !fallback)) return *std::move(value);
  if (fallback) return std::string(*fallback);
  return failed("environment variable " + std::string(name) + " is not set and has no default");
}

// `inside`: the text between ${ and }.
Result<std::string> resolve(std::string_view inside, const Environment& environment) {
  if (inside.find("${") != std::string_view::npos) return failed("substitutions cannot be nested");
  if (inside.starts_with("file:")) return from_file(std::string(inside.substr(5)));
  const size_t separator = inside.find(":-");
  if (separator == std::string_view::npos) return from_environment(inside, std::nullopt, environment);
  return from_environment(inside.substr(0, separator), inside.substr(separator + 2), environment);
}

}  // namespace

Result<std::string> substitute(std::string_view text, const Environment& environment) {
  std::string out;
  while (!text.empty()) {
    const size_t start = text.find("${");
    out += text.substr(0, start);
    if (start == std::string_view::npos) break;
    if (start > 0 && text[start - 1] == '$') {  // $${: the first $ is already copied
      out += '{';
      text.remove_prefix(start + 2);
      continue;
    }
    const size_t end = text.find('}', start);
    if (end == std::string_view::npos) return failed("${ without a closing }; write $${ for a literal ${");
    auto value = resolve(text.substr(start + 2, end - start - 2), environment);
    if (!value) return value;
    out += *value;
    text.remove_prefix(end + 1);
  }
  return out;
}

}  // namespace tidegate::config
