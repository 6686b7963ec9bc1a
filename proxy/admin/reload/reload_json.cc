#include "admin/reload/reloading.h"
#include "base/json_writer.h"

namespace tidegate::admin {

namespace {

std::string json_strings(const std::vector<std::string>& texts) {
  std::vector<std::string> quoted;
  for (const std::string& text : texts) {
    std::string& added = quoted.emplace_back("\"");
    append_json_escaped(added, text);
    added += '"';
  }
  return json_array(quoted);
}

JsonWriter result_of(const ReloadReport& report) {
  JsonWriter json;
  json.field("trigger", report.trigger)
      .field("at", to_rfc3339(report.at))
      .field("result", report.applied ? "applied" : "refused");
  return json;
}

}  // namespace

std::string reload_json(const ReloadReport& report) {
  return result_of(report)
      .field("was_in_force", report.was_in_force)
      .raw("errors", json_strings(report.errors))
      .raw("changes", json_strings(report.changes))
      .raw("needs_restart", json_strings(report.needs_restart))
      .raw("warnings", json_strings(report.warnings))
      .take();
}

std::string reload_result_json(const ReloadReport& report) { return result_of(report).take(); }

}  // namespace tidegate::admin
