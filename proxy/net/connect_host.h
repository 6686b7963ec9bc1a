// From a host and a port to a connection: finds its addresses, then races them (address_race.h).
//
//   resolving ──found──▶ racing ──▶ done (the callback; silence afterwards)
//       └─ failure, timeout ──┴──────▲
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "net/address_race.h"
#include "net/runtime.h"

namespace tidegate::net {

// Where the addresses of a host come from, in the order in which to call them, and who is told of them.
struct AddressSource {
  std::string host;  // for messages
  std::function<std::unique_ptr<Operation>(ResolveCallback done)> resolve;
  AddressObserver observer = {};
};

// `timeout` bounds all of it. The callback runs later, once; it may destroy the operation. The runtime, and what the
// source refers to, outlive it. Errors: those of the source, timeout, or as race_addresses.
[[nodiscard]] std::unique_ptr<Operation> connect_by(Runtime& runtime, AddressSource source, uint16_t port,
                                                    Duration timeout, ConnectCallback done);

// The same by a look-up of its own, for connections that are made now and then; those to upstreams have
// names/connect_name.h. A literal address needs none. Errors: as Runtime::resolve, or as race_addresses.
[[nodiscard]] std::unique_ptr<Operation> connect_host(Runtime& runtime, const std::string& host, uint16_t port,
                                                      Duration timeout, ConnectCallback done);

}  // namespace tidegate::net
