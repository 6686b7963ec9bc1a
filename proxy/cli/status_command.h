// `tidegate status`: the state of a running Tidegate at one glance.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace tidegate::cli {

// Adds the command; the function runs it once the command line is parsed, and returns the exit code.
std::function<int()> add_status_command(CLI::App& app);

}  // namespace tidegate::cli
