// For a thread that has no loop yet.
#pragma once

#include "base/time.h"

namespace tidegate::net {

// Blocks the thread for so long. Never on a loop.
void wait_blocking(Duration time);

}  // namespace tidegate::net
