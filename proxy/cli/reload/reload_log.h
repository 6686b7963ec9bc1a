// What the log says of a reload.
#pragma once

#include <string>
#include <vector>

#include "admin/reload/reloading.h"
#include "base/time.h"
#include "config/config.h"
#include "config/load/loader.h"

namespace tidegate::cli {

// By the level and format of the configuration.
void configure_log(const config::Log& log);
void log_warnings(const std::vector<config::Diagnostic>& warnings);

void log_refused(const std::string& file, const admin::ReloadReport& report);
void log_applied(const std::string& file, const admin::ReloadReport& report, Duration took);

}  // namespace tidegate::cli
