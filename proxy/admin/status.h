// /api/status: what an operator needs at 3 a.m., in one look: which breaker is open, why, since when, what happens
// next.
#pragma once

#include <string>

#include "admin/admin_service.h"

namespace tidegate::admin {

std::string status_json(core::Gateway& gateway, const Build& build, const BulkReplays& bulk, WallTime started,
                        net::Runtime& runtime);

}  // namespace tidegate::admin
