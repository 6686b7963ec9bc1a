#include "cli/reload/reload_log.h"

#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/log.h"

namespace tidegate::cli {

namespace {

// As many as a log line should have.
std::string for_log(const std::vector<std::string>& texts) {
  constexpr size_t kMax = 20;
  const auto end = texts.begin() + static_cast<std::ptrdiff_t>(std::min(texts.size(), kMax));
  const std::string shown = fmt::format("{}", fmt::join(texts.begin(), end, "; "));
  return texts.size() <= kMax ? shown : fmt::format("{}; and {} more", shown, texts.size() - kMax);
}

}  // namespace

void configure_log(const config::Log& log) {
  const LogFormat default_format = isatty(STDERR_FILENO) ? LogFormat::text : LogFormat::json;
  log_configure(log.level, log.format.value_or(default_format));
}

void log_warnings(const std::vector<config::Diagnostic>& warnings) {
  for (const config::Diagnostic& warning : warnings) {
    log_warn("configuration_warning", {{"file", warning.file},
                                       {"line", warning.position.line},
                                       {"column", warning.position.column},
                                       {"path", warning.path},
                                       {"reason", warning.what}});
  }
}

void log_refused(const std::string& file, const admin::ReloadReport& report) {
  log_error("config_reload_refused", {{"file", file}, {"trigger", report.trigger}, {"reason", for_log(report.errors)}});
}

void log_applied(const std::string& file, const admin::ReloadReport& report, Duration took) {
  log_info("config_reloaded", {{"file", file},
                               {"trigger", report.trigger},
                               {"changed", report.changes.size()},
                               {"changes", for_log(report.changes)},
                               {"took_ms", to_seconds(took) * 1000}});
  if (report.needs_restart.empty()) return;
  log_warn("config_needs_restart", {{"file", file}, {"changes", for_log(report.needs_restart)}});
}

}  // namespace tidegate::cli
