// The files that the `tls` sections name: errors where they cannot be used, warnings where they should not be used so.
#pragma once

#include "config/config.h"
#include "config/load/location.h"

namespace tidegate::config {

void check_tls_files(const Config& config, const Location& root, Diagnostics& errors);
void warn_of_tls(const Config& config, const Location& root, Diagnostics& warnings);

}  // namespace tidegate::config
