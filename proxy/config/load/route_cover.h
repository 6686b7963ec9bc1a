// Which routes shadow a later route.
#pragma once

#include "config/config.h"

namespace tidegate::config {

// Whether `wide` matches every request that `narrow` matches. A match with an invalid path (path is "") neither covers
// another nor is covered.
bool covers(const Match& wide, const Match& narrow);

}  // namespace tidegate::config
