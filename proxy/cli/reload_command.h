// `tidegate reload` and `tidegate diff`.
#pragma once

#include <functional>
#include <string>

namespace CLI {
class App;
}

namespace tidegate::cli {

// Adds the command; what is returned runs it, after the parsing, and returns the exit code.
std::function<int()> add_reload_command(CLI::App& app);
std::function<int()> add_diff_command(CLI::App& app);

}  // namespace tidegate::cli
