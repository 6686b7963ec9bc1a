// Whether an address is free to listen on. Workers share their ports (SO_REUSEPORT), so that listening would not show
// that another process is there already: it would quietly take a share of its connections.
#pragma once

#include "base/ip.h"
#include "base/result.h"

namespace tidegate::net {

// Errors: conflict (somebody listens there), invalid (not an address of this machine), io. Port 0 is always free.
Status check_port_is_free(const SocketAddress& address);

}  // namespace tidegate::net
