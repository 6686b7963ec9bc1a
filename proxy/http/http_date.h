// Dates as HTTP writes them: IMF-fixdate, RFC 9110 section 5.6.7.
#pragma once

#include <string>

#include "base/time.h"

namespace tidegate::http {

// "Tue, 24 Nov 2026 01:59:43 GMT".
std::string http_date(WallTime time);

}  // namespace tidegate::http
