// The output of `tidegate check`.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "config/load/loader.h"

namespace tidegate::config {

namespace {

std::string counted(size_t count, std::string_view thing) {
  return fmt::format("{} {}{}", count, thing, count == 1 ? "" : "s");
}

std::string summary(const LoadResult& result) {
  const Config& config = *result.config;
  size_t routes = 0;
  for (const Listener& listener : config.listeners) routes += listener.routes.size();
  return fmt::format("{}: ok: {}, {}, {}, {}{}\n", config.file, counted(config.listeners.size(), "listener"),
                     counted(routes, "route"), counted(config.upstreams.size(), "upstream"),
                     counted(config.queues.size(), "queue"),
                     result.warnings.empty() ? "" : ", " + counted(result.warnings.size(), "warning"));
}

nlohmann::ordered_json in_json(const std::vector<Diagnostic>& diagnostics) {
  auto out = nlohmann::ordered_json::array();
  for (const Diagnostic& each : diagnostics) {
    out.push_back({{"file", each.file},
                   {"line", each.position.line},
                   {"column", each.position.column},
                   {"path", each.path},
                   {"what", each.what}});
  }
  return out;
}

std::string json_report(const LoadResult& result) {
  const nlohmann::ordered_json report{
      {"ok", result.config != nullptr}, {"errors", in_json(result.errors)}, {"warnings", in_json(result.warnings)}};
  // A file name can be any bytes; those that are not UTF-8 are replaced.
  return report.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string in_lines(const std::vector<Diagnostic>& diagnostics) {
  std::string out;
  for (const Diagnostic& each : diagnostics) out += each.to_string() + "\n";
  return out;
}

}  // namespace

std::string check_report(const LoadResult& result, bool json) {
  if (json) return json_report(result);
  if (result.config != nullptr) return in_lines(result.warnings) + summary(result);
  return in_lines(result.errors) + counted(result.errors.size(), "error") + "\n";
}

}  // namespace tidegate::config
