// /api/status: the state of every breaker, bulkhead and queue: which breaker is open, why, since when, and what happens
// next.
#pragma once

#include <string>

#include "admin/context.h"

namespace tidegate::admin {

std::string status_json(Context& context);

}  // namespace tidegate::admin
