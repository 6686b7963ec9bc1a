#include "cli/reload_command.h"

#include <cstdio>
#include <memory>
#include <sstream>

#include <CLI/CLI.hpp>

#include "cli/admin_client.h"
#include "cli/commands.h"
#include "cli/jobs_text.h"
#include "config/load/changes.h"
#include "config/load/loader.h"

namespace tidegate::cli {

namespace {

constexpr Duration kReloadTimeout = std::chrono::seconds(60);
constexpr size_t kReloadLineBytesMax = 2000;

struct ReloadOptions {
  std::string admin;
  std::string token;
  bool json = false;
};

void print_lines(const nlohmann::json& report, const char* name, const char* before) {
  const auto lines = report.find(name);
  if (lines == report.end() || !lines->is_array()) return;
  for (const auto& line : *lines) {
    if (line.is_string())
      std::printf("%s%s\n", before, printable(line.get<std::string>(), kReloadLineBytesMax).c_str());
  }
}

void print_report(const nlohmann::json& report) {
  print_lines(report, "warnings", "warning: ");
  print_lines(report, "changes", "");
  print_lines(report, "needs_restart", "needs a restart: ");
  const auto text = [&](const char* name) {
    const auto value = report.find(name);
    return value != report.end() && value->is_string() ? printable(value->get<std::string>(), 100) : std::string();
  };
  const bool before = report.value("was_in_force", false);
  std::printf("%s\n", before ? ("in force since " + text("at") + " (" + text("trigger") + ")").c_str() : "reloaded");
}

int reload(const ReloadOptions& options) {
  AdminClient client(options.admin, options.token);
  auto report = client.send("POST", "/api/reload", nullptr, kReloadTimeout);
  if (report && !report->contains("changes")) report = client.not_tidegate();
  if (!report) {
    const bool refused = report.error().code == ErrorCode::conflict;
    if (refused) std::fputs("tidegate: the reload was refused, nothing has changed:\n", stderr);
    std::istringstream lines(report.error().message);
    for (std::string line; std::getline(lines, line);) {
      std::fprintf(stderr, "%s%s\n", refused ? "  " : "tidegate: ", printable(line, kReloadLineBytesMax).c_str());
    }
    return refused ? kExitReloadRefused : kExitRuntime;
  }
  if (options.json) std::printf("%s\n", report->dump().c_str());
  else print_report(*report);
  return kExitOk;
}

// Null: the errors have been printed.
std::shared_ptr<const config::Config> load(const std::string& file, config::Effective& effective) {
  config::LoadResult loaded = config::load_file(file);
  if (!loaded.config) std::fputs(config::check_report(loaded, false).c_str(), stderr);
  effective = std::move(loaded.effective);
  return loaded.config;
}

int diff(const std::string& before_file, const std::string& after_file) {
  config::Effective before, after;
  const auto old_config = load(before_file, before), new_config = load(after_file, after);
  if (!old_config || !new_config) return kExitInvalidConfig;
  for (const config::Change& change : config::find_changes(before, after)) {
    std::printf("%s\n", change.to_string().c_str());
  }
  return kExitOk;
}

}  // namespace

std::function<int()> add_reload_command(CLI::App& app) {
  auto options = std::make_shared<ReloadOptions>();
  auto* command = app.add_subcommand(
      "reload",
      "Load the configuration of a running Tidegate again, and print what has changed; exit code 4 if refused");
  add_admin_option(*command, options->admin);
  add_token_option(*command, options->token);
  command->add_flag("--json", options->json, "Print the JSON of the response");
  return [options] { return reload(*options); };
}

std::function<int()> add_diff_command(CLI::App& app) {
  auto files = std::make_shared<std::pair<std::string, std::string>>();
  auto* command = app.add_subcommand("diff", "Print what changes from one configuration file to another");
  command->add_option("OLD", files->first, "The configuration file of before")->required();
  command->add_option("NEW", files->second, "The configuration file of after; - is the standard input")->required();
  return [files] { return diff(files->first, files->second); };
}

}  // namespace tidegate::cli
