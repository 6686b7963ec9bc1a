// The log: one event a line, as JSON or as text, on standard error. An event is a constant message and fields; client
// bytes in fields are escaped. Thread-safe. Never waits for the log's reader; lines are whole and in order
// (log/output.h).
//
//   log_info("breaker_transition", {{"breaker", name}, {"from", "closed"}, {"to", "open"}});
//
// text: 2026-11-24T01:59:43.123Z INFO  breaker_transition breaker=optimizer from=closed to=open
// json: {"ts":"2026-11-24T01:59:43.123Z","level":"info","event":"breaker_transition","breaker":"optimizer",…}
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace tidegate {

enum class LogLevel { debug, info, warn, error, off };
enum class LogFormat { json, text };

struct LogField {
  std::string_view name;
  std::variant<std::string_view, int64_t, double, bool> value;

  template <typename T>
  LogField(std::string_view field_name, const T& field_value) : name(field_name) {
    if constexpr (std::is_same_v<T, bool>) {
      value = field_value;
    } else if constexpr (std::is_integral_v<T>) {
      value = static_cast<int64_t>(field_value);
    } else if constexpr (std::is_floating_point_v<T>) {
      value = static_cast<double>(field_value);
    } else {
      value = std::string_view(field_value);
    }
  }
};

using LogFields = std::initializer_list<LogField>;

// Set once at start, before threads; and again by a reload.
void log_configure(LogLevel level, LogFormat format);

// Where lines go instead of standard error (tests and simulation). An empty function restores standard error.
void log_set_sink(std::function<void(LogLevel, std::string_view line)> sink);

// Where time stamps come from: set by net::UvRuntime, and before there is one by run_command(). Else: the epoch.
void log_set_clock(int64_t (*unix_ns)());

bool log_enabled(LogLevel level);
void log_event(LogLevel level, std::string_view event, LogFields fields);

inline void log_debug(std::string_view event, LogFields fields = {}) { log_event(LogLevel::debug, event, fields); }
inline void log_info(std::string_view event, LogFields fields = {}) { log_event(LogLevel::info, event, fields); }
inline void log_warn(std::string_view event, LogFields fields = {}) { log_event(LogLevel::warn, event, fields); }
inline void log_error(std::string_view event, LogFields fields = {}) { log_event(LogLevel::error, event, fields); }

}  // namespace tidegate
