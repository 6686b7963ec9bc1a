// What the program is told by its environment.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/ip.h"
#include "base/result.h"
#include "http/fetch.h"

namespace tidegate::api {

struct Settings {
  SocketAddress listen;                 // LISTEN, 127.0.0.1:8080
  http::HttpUrl optimizer;              // OPTIMIZER_URL, http://127.0.0.1:8081; the target without a last slash
  std::string state_dir = "./var/api";  // STATE_DIR
  uint64_t max_upload = 32ull << 20;    // MAX_UPLOAD, 1KiB to 1GiB: of one picture
};

// The value of a variable; nothing where it is not set.
using Environment = std::function<std::optional<std::string>(const char* name)>;

// The first thing that is wrong, with the variable's name. A variable that is set to nothing counts as not set.
Result<Settings> read_settings(const Environment& environment);

// "32MiB": a whole number and one of B, KiB, MiB, GiB.
std::optional<uint64_t> parse_size(std::string_view text);

}  // namespace tidegate::api
