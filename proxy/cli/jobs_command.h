// `tidegate jobs list|show|replay|purge`: an operator's hands on a running Tidegate's queues, over its admin interface.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace tidegate::cli {

// Adds the subcommand `jobs`. Once the line is parsed, the returned function runs what was chosen of it and answers
// with the exit code: 0, 1 (refused, or no Tidegate there) or 2 (usage).
std::function<int()> add_jobs_command(CLI::App& app);

}  // namespace tidegate::cli
