// How many files and sockets this process may have open (RLIMIT_NOFILE).
#pragma once

#include <cstdint>

namespace tidegate::net {

// Raises the soft limit to the hard one, and returns what holds now. The soft limit is often 1024 for the sake of
// programs that call select(), which none of ours does.
uint64_t raise_descriptor_limit();

}  // namespace tidegate::net
