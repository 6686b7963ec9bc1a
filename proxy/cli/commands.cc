#include "cli/commands.h"

#include <cstdio>

#include <CLI/CLI.hpp>

#include "cli/admin_client.h"
#include "cli/jobs_command.h"
#include "cli/reload_command.h"
#include "cli/status_command.h"
#include "cli/usage.h"
#include "config/load/loader.h"
#include "http/client/healthcheck.h"

#ifndef TIDEGATE_VERSION
#define TIDEGATE_VERSION "0.0.0"
#endif
#ifndef TIDEGATE_REVISION
#define TIDEGATE_REVISION "unknown"
#endif

namespace tidegate::cli {

admin::Build build_info() { return {TIDEGATE_VERSION, TIDEGATE_REVISION}; }

int check_command(const std::string& config_file, bool json) {
  const config::LoadResult result = config::load_file(config_file);
  const std::string report = config::check_report(result, json);
  std::fputs(report.c_str(), stdout);
  if (!report.ends_with('\n')) std::fputc('\n', stdout);
  return result.config ? kExitOk : kExitInvalidConfig;
}

namespace {

CLI::App* add_file_command(CLI::App& app, const char* name, const char* what, std::string& file) {
  auto* command = app.add_subcommand(name, what);
  command->add_option("-c,--config,FILE", file, "The configuration file; - is the standard input")->required();
  return command;
}

}  // namespace

int main_command(int argc, char** argv) {
  CLI::App app("Tidegate: a sidecar resilience proxy that queues requests durably while an upstream fails.");
  app.name("tidegate");
  app.require_subcommand(1);
  const std::string version = std::string("tidegate ") + TIDEGATE_VERSION + " (" + TIDEGATE_REVISION + ")";
  app.set_version_flag("--version", version, "Print the version and revision");

  std::string file;
  auto* run = add_file_command(app, "run", "Run the proxy with a configuration file", file);
  bool takes_over = false;
  run->add_flag("--takeover", takes_over, "Take over from the process that serves, without a failed request");
  auto* check = add_file_command(app, "check",
                                 "Check a configuration file and print every error with file, line and column", file);
  std::string format = "text";
  check->add_option("--format", format, "Output format: text or json")->check(CLI::IsMember({"text", "json"}));

  std::string address;
  bool ready = false;
  auto* health = app.add_subcommand("healthcheck", "Check that a running Tidegate is alive");
  add_admin_option(*health, address);
  health->add_flag("--ready", ready, "Check that it is ready for traffic");

  const auto status_command = add_status_command(app);
  const auto reload_command = add_reload_command(app);
  const auto diff_command = add_diff_command(app);
  const auto jobs_command = add_jobs_command(app);
  auto* version_command = app.add_subcommand("version", "Print the version and revision");
  std::vector<std::string> help_words;
  auto* help = add_help_command(app, help_words);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return usage_error(app, error);
  }
  if (run->parsed()) return run_command(file, takes_over);
  if (check->parsed()) return check_command(file, format == "json");
  if (health->parsed()) return http::healthcheck("tidegate", address, ready ? "/ready" : "/health");
  if (app.got_subcommand("status")) return status_command();
  if (app.got_subcommand("reload")) return reload_command();
  if (app.got_subcommand("diff")) return diff_command();
  if (app.got_subcommand("jobs")) return jobs_command();
  if (help->parsed()) return help_command(app, help_words);
  if (version_command->parsed()) std::printf("%s\n", version.c_str());
  return kExitOk;
}

}  // namespace tidegate::cli
