#include "cli/commands.h"

#include <cstdio>

#include <CLI/CLI.hpp>

#include "cli/jobs_command.h"
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

int main_command(int argc, char** argv) {
  CLI::App app("Tidegate: a sidecar resilience proxy that queues requests durably while an upstream fails.");
  app.name("tidegate");
  app.require_subcommand(1);

  std::string file = "tidegate.yaml";
  auto* run = app.add_subcommand("run", "Run the proxy with a configuration file");
  run->add_option("-c,--config", file, "Path of the configuration file")->required();

  std::string format = "text";
  auto* check =
      app.add_subcommand("check", "Check a configuration file and print every error with file, line and column");
  check->add_option("FILE", file, "Path of the configuration file")->required();
  check->add_option("--format", format, "Output format: text or json")->check(CLI::IsMember({"text", "json"}));

  std::string address = "127.0.0.1:9901";
  bool ready = false;
  auto* health = app.add_subcommand("healthcheck", "Check that a running Tidegate is alive");
  health->add_option("--admin", address, "Address of the admin interface")->capture_default_str();
  health->add_flag("--ready", ready, "Check that it is ready for traffic");

  const auto jobs_command = add_jobs_command(app);
  auto* version = app.add_subcommand("version", "Print the version and revision");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  if (run->parsed()) return run_command(file);
  if (check->parsed()) return check_command(file, format == "json");
  if (health->parsed()) return http::healthcheck("tidegate", address, ready ? "/ready" : "/health");
  if (app.got_subcommand("jobs")) return jobs_command();
  if (version->parsed()) std::printf("tidegate %s (%s)\n", TIDEGATE_VERSION, TIDEGATE_REVISION);
  return kExitOk;
}

}  // namespace tidegate::cli
