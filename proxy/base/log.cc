#include "base/log.h"

#include <atomic>
#include <mutex>

#include <fmt/format.h>

#include "base/log/output.h"
#include "base/time.h"

namespace tidegate {

namespace {

std::atomic<LogLevel> g_level{LogLevel::info};
std::atomic<LogFormat> g_format{LogFormat::text};
std::atomic<int64_t (*)()> g_unix_ns{nullptr};
std::mutex g_sink_mutex;
std::function<void(LogLevel, std::string_view)> g_sink;
std::atomic<bool> g_has_sink{false};

constexpr const char* kLevelNames[] = {"debug", "info", "warn", "error", "off"};
constexpr const char* kLevelLabels[] = {"DEBUG", "INFO ", "WARN ", "ERROR", "OFF  "};

// Control bytes, quotes, backslashes and every byte that is not ASCII are escaped: a log line is always one line of
// printable text, and valid JSON, whatever a client sent.
void append_escaped(std::string& line, std::string_view text) {
  for (const unsigned char c : text) {
    if (c == '"' || c == '\\') {
      line += '\\';
      line += static_cast<char>(c);
    } else if (c < 0x20 || c >= 0x7f) {
      fmt::format_to(std::back_inserter(line), "\\u{:04x}", c);
    } else {
      line += static_cast<char>(c);
    }
  }
}

bool needs_quotes(std::string_view text) {
  if (text.empty()) return true;
  for (const unsigned char c : text) {
    if (c <= 0x20 || c >= 0x7f || c == '"' || c == '\\' || c == '=') return true;
  }
  return false;
}

struct ValueWriter {
  std::string& line;
  bool always_quote;

  void operator()(std::string_view text) const {
    const bool quoted = always_quote || needs_quotes(text);
    if (quoted) line += '"';
    append_escaped(line, text);
    if (quoted) line += '"';
  }
  void operator()(int64_t number) const { fmt::format_to(std::back_inserter(line), "{}", number); }
  void operator()(double number) const { fmt::format_to(std::back_inserter(line), "{:.6g}", number); }
  void operator()(bool flag) const { line += flag ? "true" : "false"; }
};

std::string format_json(LogLevel level, const std::string& stamp, std::string_view event, LogFields fields) {
  std::string line =
      fmt::format(R"({{"ts":"{}","level":"{}","event":"{}")", stamp, kLevelNames[static_cast<int>(level)], event);
  for (const LogField& field : fields) {
    line += ",\"";
    append_escaped(line, field.name);
    line += "\":";
    std::visit(ValueWriter{line, true}, field.value);
  }
  line += "}";
  return line;
}

std::string format_text(LogLevel level, const std::string& stamp, std::string_view event, LogFields fields) {
  std::string line = fmt::format("{} {} {}", stamp, kLevelLabels[static_cast<int>(level)], event);
  for (const LogField& field : fields) {
    line += ' ';
    line += field.name;
    line += '=';
    std::visit(ValueWriter{line, false}, field.value);
  }
  return line;
}

}  // namespace

void log_configure(LogLevel level, LogFormat format) {
  g_level = level;
  g_format = format;
}

void log_set_sink(std::function<void(LogLevel, std::string_view)> sink) {
  const std::lock_guard lock(g_sink_mutex);
  g_has_sink = static_cast<bool>(sink);
  g_sink = std::move(sink);
}

void log_set_clock(int64_t (*unix_ns)()) { g_unix_ns = unix_ns; }

bool log_enabled(LogLevel level) { return level >= g_level.load(std::memory_order_relaxed); }

void log_event(LogLevel level, std::string_view event, LogFields fields) {
  if (!log_enabled(level)) return;
  const auto unix_ns = g_unix_ns.load();
  const std::string stamp = to_rfc3339(WallTime(Duration(unix_ns ? unix_ns() : 0)));
  std::string line = g_format.load() == LogFormat::json ? format_json(level, stamp, event, fields)
                                                        : format_text(level, stamp, event, fields);
  if (!g_has_sink.load(std::memory_order_relaxed)) return log_write(std::move(line));
  const std::lock_guard lock(g_sink_mutex);
  if (g_sink) g_sink(level, line);
}

}  // namespace tidegate
