// Connects to whichever address of a host accepts first (RFC 8305, section 5). Attempts begin in the order given, the
// next one as soon as one has failed, or when the last one has been silent for the attempt delay: 250 ms, or less where
// so many addresses share `timeout`, so that each gets a fair share of it, but not less than 10 ms. Silent attempts go
// on meanwhile, at most three at once: the oldest is closed when the next one begins.
//
//   racing ──the first that connects──▶ ended (the others are closed)
//      └── all have failed, or `timeout` is over ──▶ ended (an error that names each address)
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "net/runtime.h"

namespace tidegate::net {

// What has become known of an address. An attempt that failed for want of something of ours says nothing of it.
enum class AddressVerdict : uint8_t {
  reachable,
  silent,  // for the attempt delay: it may connect later
  unreachable,
};
using AddressObserver = std::function<void(const IpAddress& address, AddressVerdict verdict)>;

// The callback runs later, once, after the verdicts; it may destroy the operation. The runtime outlives it. REQUIRES an
// address. Errors: as Runtime::connect to the last that was called and did not accept, or timeout; where none could be
// called for want of something of ours (refusal_of), that error. Where descriptors are used up, no further address is
// called.
[[nodiscard]] std::unique_ptr<Operation> race_addresses(Runtime& runtime, const std::vector<IpAddress>& addresses,
                                                        uint16_t port, Duration timeout, ConnectCallback done,
                                                        AddressObserver observer = {});

// The same addresses, families alternating, beginning with that of the first (RFC 8305, section 4).
std::vector<IpAddress> alternate_families(const std::vector<IpAddress>& addresses);

}  // namespace tidegate::net
