// `tidegate jobs list|show|replay|purge`: manages the jobs of a running Tidegate, over its admin interface.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace tidegate::cli {

// Adds the subcommand `jobs`. After parsing, the returned function runs the chosen command and returns the exit code:
// 0, 1 (refused, or Tidegate is unreachable) or 2 (usage).
std::function<int()> add_jobs_command(CLI::App& app);

}  // namespace tidegate::cli
