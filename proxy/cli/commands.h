// The subcommands of `tidegate` and their exit codes.
#pragma once

#include <string>

#include "admin/admin_service.h"
#include "http/client/healthcheck.h"

namespace tidegate::cli {

enum ExitCode : int {
  kExitOk = 0,
  kExitRuntime = 1,
  kExitUsage = 2,
  kExitInvalidConfig = 3,
  kExitReloadRefused = 4,
  kExitUnhealthy = http::kExitUnhealthy,
};

// The version of the program and the revision it was built from.
admin::Build build_info();

int run_command(const std::string& config_file, bool takes_over);
int check_command(const std::string& config_file, bool json);

// Parses the command line and runs the subcommand. Returns the exit code.
int main_command(int argc, char** argv);

}  // namespace tidegate::cli
