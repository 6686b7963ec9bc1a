// The clocks for threads that have no loop (a store's own). Everything on a loop uses its Runtime.
#pragma once

#include "base/time.h"

namespace tidegate::net {

Time read_monotonic_clock();
WallTime read_wall_clock();

}  // namespace tidegate::net
