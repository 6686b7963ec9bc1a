#include "cli/status_command.h"

#include <cstdio>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/admin_client.h"
#include "cli/commands.h"
#include "cli/jobs_text.h"
#include "cli/status_text.h"

namespace tidegate::cli {

namespace {

struct StatusOptions {
  std::string admin;
  std::string token;
  bool json = false;
};

constexpr Duration kTimeout = std::chrono::seconds(5);  // who asks wants to know now

int show_status(const StatusOptions& options) {
  AdminClient client(options.admin, options.token);
  auto status = client.send("GET", "/api/status", nullptr, kTimeout);
  if (status && !is_status(*status)) status = client.not_tidegate();
  if (!status) {
    std::fprintf(stderr, "tidegate: %s\n", printable(status.error().message, 2000).c_str());
    return kExitRuntime;
  }
  const std::vector<std::string> unhealthy = unhealthy_of(*status);
  if (options.json) {
    (*status)["unhealthy"] = unhealthy;
    std::fputs((status->dump() + "\n").c_str(), stdout);
  } else {
    const std::string admin = options.admin == default_admin_address() ? "" : " --admin " + options.admin;
    std::fputs(status_text(*status, admin).c_str(), stdout);
  }
  return unhealthy.empty() ? kExitOk : kExitUnhealthy;
}

}  // namespace

std::function<int()> add_status_command(CLI::App& app) {
  auto options = std::make_shared<StatusOptions>();
  auto* status = app.add_subcommand(
      "status", "Show the breakers, upstreams and queues of a running Tidegate; exit code 5 if something is unhealthy");
  add_admin_option(*status, options->admin);
  add_token_option(*status, options->token);
  status->add_flag("--json", options->json, "Print the JSON of /api/status, with what is unhealthy");
  return [options] { return show_status(*options); };
}

}  // namespace tidegate::cli
