#include "cli/usage.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "config/yaml/diagnostics.h"
#include "config/yaml/scalars.h"

namespace tidegate::cli {

namespace {

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::vector<std::string> names_of(const std::vector<const CLI::App*>& commands) {
  std::vector<std::string> names;
  for (const CLI::App* each : commands) names.push_back(each->get_name());
  return names;
}

const CLI::App* find_command(const CLI::App& app, const std::string& name) {
  for (const CLI::App* each : commands_of(app)) {
    if (each->get_name() == name) return each;
  }
  return nullptr;
}

std::vector<std::string> options_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
  }
  return names;
}

std::string unknown(std::string_view what, const std::string& word, const std::vector<std::string>& known) {
  return fmt::format("unknown {} {}{}", what, config::shown(word),
                     config::suggestion(word, {known.begin(), known.end()}));
}

std::string unknown_word(const CLI::App& command, const std::string& word) {
  if (word.starts_with('-')) return unknown("option", word.substr(0, word.find('=')), options_of(command));
  const std::vector<std::string> commands = names_of(commands_of(command));
  return commands.empty() ? "unexpected argument " + config::shown(word) : unknown("command", word, commands);
}

// "tidegate jobs list"
std::string full_name(const CLI::App& command) {
  const CLI::App* const parent = command.get_parent();
  return parent == nullptr ? command.get_name() : full_name(*parent) + " " + command.get_name();
}

int refuse(const CLI::App& command, const std::string& what) {
  std::fprintf(stderr, "tidegate: %s\nFor help: %s --help\n", what.c_str(), full_name(command).c_str());
  return kExitUsage;
}

// The last command on the command line.
const CLI::App& last_parsed(const CLI::App& app) {
  const std::vector<CLI::App*> parsed = app.get_subcommands();
  return parsed.empty() ? app : last_parsed(*parsed.back());
}

}  // namespace

CLI::App* add_help_command(CLI::App& app, std::vector<std::string>& words) {
  auto* help = app.add_subcommand("help", "Print the help of a command");
  help->add_option("COMMAND", words, "The command, such as: jobs list");
  return help;
}

int help_command(const CLI::App& app, const std::vector<std::string>& words) {
  const CLI::App* command = &app;
  for (const std::string& word : words) {
    const CLI::App* const next = find_command(*command, word);
    if (next == nullptr) return refuse(*command, unknown_word(*command, word));
    command = next;
  }
  // CLI::App::help() would print the help of the command that was parsed, which is `help`.
  const std::string text =
      command->get_formatter()->make_help(command, full_name(*command), CLI::AppFormatMode::Normal);
  std::fputs(text.c_str(), stdout);
  return kExitOk;
}

int usage_error(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) {
    app.exit(error);  // prints what was asked for
    return kExitOk;
  }
  // A word that is not known is the cause of what is missing.
  const CLI::App& command = last_parsed(app);
  for (const CLI::App* each = &command; each != nullptr; each = each->get_parent()) {
    const std::vector<std::string> extra = each->remaining();
    if (!extra.empty()) return refuse(*each, unknown_word(*each, extra.front()));
  }
  const std::vector<std::string> commands = names_of(commands_of(command));
  if (!commands.empty()) return refuse(command, fmt::format("a command is required: {}", fmt::join(commands, ", ")));
  return refuse(command, error.what());
}

}  // namespace tidegate::cli
