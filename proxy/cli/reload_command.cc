#include "cli/reload_command.h"

#include <cstdio>
#include <memory>
#include <sstream>

#include <CLI/CLI.hpp>

#include "cli/admin_client.h"
#include "cli/commands.h"
#include "cli/jobs_text.h"
#include "cli/reload/checks.h"
#include "cli/reload/restart.h"
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
  const auto rest = report.find("needs_restart");
  const bool is_rest = rest != report.end() && !rest->empty();
  std::string result = is_rest ? "the rest is in force" : "reloaded";
  if (report.value("was_in_force", false)) {
    result = std::string(is_rest ? "the rest is " : "") + "in force since " + text("at") + " (" + text("trigger") + ")";
  }
  std::printf("%s\n", result.c_str());
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

struct LoadedFile {
  std::shared_ptr<const config::Config> config;  // null: the errors have been printed
  config::Effective effective;
  StoreValues stores;
};

LoadedFile load(const std::string& file) {
  config::LoadResult loaded = config::load_file(file);
  if (!loaded.config) std::fputs(config::check_report(loaded, false).c_str(), stderr);
  StoreValues stores = store_values(loaded.effective);
  return {std::move(loaded.config), std::move(loaded.effective), std::move(stores)};
}

// As a process says it that was started by `before`.
std::vector<std::string> lines_of(const LoadedFile& before, const LoadedFile& after) {
  std::vector<std::string> lines;
  for (const config::Change& change : config::find_changes(before.effective, after.effective)) {
    lines.push_back(change.to_string());
  }
  const Running running = started_by({*before.config, before.stores});
  const Candidate next{*after.config, after.stores};
  for (const std::string& each : needing_restart(next, running)) lines.push_back("needs a restart: " + each);
  for (const StoreDifference& each : other_stores(next, running)) {
    lines.push_back("needs a restart: " + each.path + ": a reload is refused");
  }
  for (const std::string& each : refuse_open_files(next, running)) lines.push_back("a reload is refused: " + each);
  return lines;
}

int diff(const std::string& before_file, const std::string& after_file) {
  const LoadedFile before = load(before_file), after = load(after_file);
  if (!before.config || !after.config) return kExitInvalidConfig;
  const std::vector<std::string> lines = lines_of(before, after);
  for (const std::string& line : lines) std::printf("%s\n", line.c_str());
  if (lines.empty()) std::printf("no difference\n");
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
