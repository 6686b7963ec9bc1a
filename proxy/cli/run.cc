#include <cstdio>

#include "base/log.h"
#include "cli/commands.h"
#include "cli/handover/socket_activation.h"
#include "cli/process.h"
#include "cli/reload/reload_log.h"
#include "config/load/loader.h"
#include "net/clock.h"
#include "net/file_state.h"

namespace tidegate::cli {

int run_command(const std::string& config_file, bool takes_over) {
  log_set_clock([] { return int64_t{net::read_wall_clock().time_since_epoch().count()}; });  // there is no loop yet
  auto activated = take_activated_sockets();
  const auto state = net::file_state(config_file);  // before it is read: what changes from then on is a reload
  config::LoadResult loaded = config::load_file(config_file);
  if (!loaded.config) {
    std::fputs(config::check_report(loaded, false).c_str(), stderr);
    return kExitInvalidConfig;
  }
  configure_log(loaded.config->log);
  log_warnings(loaded.warnings);
  if (!activated) {
    log_error("cannot_start", {{"reason", activated.error().message}});
    return kExitRuntime;
  }
  Process process({config_file, state}, std::move(loaded), std::move(*activated), takes_over);
  return process.run();
}

}  // namespace tidegate::cli
