// /api/status: the state of every breaker, bulkhead and queue: which breaker is open, why, since when, and what happens
// next.
#pragma once

#include <string>

#include "admin/context.h"

namespace tidegate::admin {

// `all`: with values of the configuration, for who knows the token.
std::string status_json(Context& context, bool all);

}  // namespace tidegate::admin
