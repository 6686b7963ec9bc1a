#include <unistd.h>

#include <cstdio>

#include "base/log.h"
#include "cli/commands.h"
#include "cli/process.h"
#include "config/load/loader.h"

namespace tidegate::cli {

int run_command(const std::string& config_file) {
  const config::LoadResult loaded = config::load_file(config_file);
  if (!loaded.config) {
    std::fputs(config::check_report(loaded, false).c_str(), stderr);
    return kExitInvalidConfig;
  }
  const LogFormat default_format = isatty(STDERR_FILENO) ? LogFormat::text : LogFormat::json;
  log_configure(loaded.config->log.level, loaded.config->log.format.value_or(default_format));
  for (const config::Diagnostic& warning : loaded.warnings) {
    log_warn("configuration_warning", {{"file", warning.file},
                                       {"line", warning.position.line},
                                       {"column", warning.position.column},
                                       {"path", warning.path},
                                       {"reason", warning.what}});
  }
  Process process(loaded.config);
  return process.run();
}

}  // namespace tidegate::cli
