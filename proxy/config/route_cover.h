// Which requests a match takes from the matches after it.
#pragma once

#include "config/config.h"

namespace tidegate::config {

// Does `wide` match every request that `narrow` matches? A match without a path (its path was bad) covers nothing and
// is covered by nothing.
bool covers(const Match& wide, const Match& narrow);

}  // namespace tidegate::config
