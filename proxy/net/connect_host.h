// From a host and a port to a connection: resolves the name, then calls its addresses one after the other.
//
//   resolving ──▶ connecting to the first address, the second, … ──▶ done (the callback; silence afterwards)
//       └─────────────┴─ failure ──▲
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "net/runtime.h"

namespace tidegate::net {

// The callback runs later, once; it may destroy the operation. The runtime outlives it. A literal address needs no
// resolving. Errors: as Runtime::resolve, or Runtime::connect to the last address; but where an address could not be
// called for want of something of ours (refusal_of), that error: this address may have been the one that responds.
[[nodiscard]] std::unique_ptr<Operation> connect_host(Runtime& runtime, const std::string& host, uint16_t port,
                                                      ConnectCallback done);

}  // namespace tidegate::net
