// What the command line says about itself: the help of a command, and a mistake with the nearest known word.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace tidegate::cli {

// Adds `help [COMMAND...]`. `words` outlives the parsing.
CLI::App* add_help_command(CLI::App& app, std::vector<std::string>& words);

// Prints the help of the command that `words` name. Returns the exit code.
int help_command(const CLI::App& app, const std::vector<std::string>& words);

// Prints what is wrong with a command line that `app` did not parse, or the help or version that it asks for. Returns
// the exit code.
int usage_error(const CLI::App& app, const CLI::ParseError& error);

}  // namespace tidegate::cli
