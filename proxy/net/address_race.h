// Connects to whichever address of a host accepts first (RFC 8305, section 5). Attempts begin in the order given, the
// next one as soon as one has failed, or when the last one has been silent for the attempt delay: 250 ms, or less where
// so many addresses share `timeout`, so that each gets a fair share of it. Silent attempts go on meanwhile.
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

// What has become known of an address: it connected; or it failed, or was silent for the attempt delay, or until the end.
// One that was silent may connect later. An attempt that failed for want of something of ours says nothing of it.
using AddressVerdict = std::function<void(const IpAddress& address, bool reachable)>;

// The callback runs later, once, after the verdicts; it may destroy the operation. The runtime outlives it. REQUIRES an
// address. Errors: as Runtime::connect to the last that failed, or timeout; but where an address could not be called
// for want of something of ours (refusal_of), that error: this address may have been the one that responds.
[[nodiscard]] std::unique_ptr<Operation> race_addresses(Runtime& runtime, const std::vector<IpAddress>& addresses,
                                                        uint16_t port, Duration timeout, ConnectCallback done,
                                                        AddressVerdict verdict = {});

// The same addresses, families alternating, beginning with that of the first (RFC 8305, section 4).
std::vector<IpAddress> alternate_families(const std::vector<IpAddress>& addresses);

}  // namespace tidegate::net
