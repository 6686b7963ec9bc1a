// The output of `tidegate check`.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "config/load/loader.h"

namespace tidegate::config {

namespace {

std::string counted(size_t count, std::string_view thing) {
  return fmt::format("{} {}{}", count, thing, count == 1 ? "" : "s");
}

std::string summary(const Config& config) {
  size_t routes = 0;
  for (const Listener& listener : config.listeners) routes += listener.routes.size();
  return fmt::format("{}: ok: {}, {}, {}, {}\n", config.file, counted(config.listeners.size(), "listener"),
                     counted(routes, "route"), counted(config.upstreams.size(), "upstream"),
                     counted(config.queues.size(), "queue"));
}

std::string json_report(const LoadResult& result) {
  auto errors = nlohmann::ordered_json::array();
  for (const Diagnostic& error : result.errors) {
    errors.push_back({{"file", error.file},
                      {"line", error.position.line},
                      {"column", error.position.column},
                      {"path", error.path},
                      {"what", error.what}});
  }
  const nlohmann::ordered_json report{{"ok", result.config != nullptr}, {"errors", std::move(errors)}};
  // A file name can be any bytes; those that are not UTF-8 are replaced.
  return report.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string check_report(const LoadResult& result, bool json) {
  if (json) return json_report(result);
  if (result.config != nullptr) return summary(*result.config);
  std::string out;
  for (const Diagnostic& error : result.errors) out += error.to_string() + "\n";
  return out + counted(result.errors.size(), "error") + "\n";
}

}  // namespace tidegate::config
