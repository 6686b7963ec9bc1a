#include "api/settings.h"

#include <charconv>

namespace tidegate::api {

namespace {

constexpr uint64_t kMaxUploadLeast = 1ull << 10;
constexpr uint64_t kMaxUploadMost = 1ull << 30;

std::string or_default(const Environment& environment, const char* name, const char* otherwise) {
  const auto value = environment(name);
  return value && !value->empty() ? *value : otherwise;
}

Error wrong(const char* name, const std::string& value, const std::string& why) {
  return {ErrorCode::invalid, std::string(name) + "=" + value + ": " + why};
}

std::optional<Error> refuse_unsupported(const Environment& environment) {
  for (const char* name : {"REDIS_URL", "S3_ENDPOINT"}) {
    // Without the value: it may hold a password.
    const bool is_set = !or_default(environment, name, "").empty();
    if (is_set) return Error{ErrorCode::invalid, std::string(name) + ": not supported yet; leave it out"};
  }
  return std::nullopt;
}

}  // namespace

std::optional<uint64_t> parse_size(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  int shift = 0;
  if (text == "KiB") {
    shift = 10;
  } else if (text == "MiB") {
    shift = 20;
  } else if (text == "GiB") {
    shift = 30;
  } else if (text != "B") {
    return std::nullopt;
  }
  if (number > (~uint64_t{0} >> shift)) return std::nullopt;
  return number << shift;
}

Result<Settings> read_settings(const Environment& environment) {
  if (auto error = refuse_unsupported(environment)) return *error;
  Settings settings;
  const std::string listen = or_default(environment, "LISTEN", "127.0.0.1:8080");
  const auto address = SocketAddress::parse(listen);
  if (!address) return wrong("LISTEN", listen, "not an address and port, such as 127.0.0.1:8080");
  settings.listen = *address;

  const std::string url = or_default(environment, "OPTIMIZER_URL", "http://127.0.0.1:8081");
  auto optimizer = http::parse_http_url(url);
  if (!optimizer) return wrong("OPTIMIZER_URL", url, "not a URL such as http://127.0.0.1:8081");
  settings.optimizer = std::move(*optimizer);
  if (settings.optimizer.target.find('?') != std::string::npos) {
    return wrong("OPTIMIZER_URL", url, "has a query; only a host, a port and a path may stand there");
  }
  if (settings.optimizer.target.ends_with('/')) settings.optimizer.target.pop_back();

  settings.state_dir = or_default(environment, "STATE_DIR", settings.state_dir.c_str());

  const std::string upload = or_default(environment, "MAX_UPLOAD", "32MiB");
  const auto size = parse_size(upload);
  if (!size) return wrong("MAX_UPLOAD", upload, "not a size with a unit, such as 32MiB (B, KiB, MiB, GiB)");
  if (*size < kMaxUploadLeast || *size > kMaxUploadMost)
    return wrong("MAX_UPLOAD", upload, "must be from 1KiB to 1GiB");
  settings.max_upload = *size;
  return settings;
}

}  // namespace tidegate::api
