// Who the client is: the peer, unless the peer is a trusted proxy; then X-Forwarded-For is walked from the right, past
// every trusted proxy, to the first address that is not one.
#pragma once

#include <vector>

#include "base/ip.h"
#include "http/message/head.h"

namespace tidegate::http {

bool is_trusted(const IpAddress& address, const std::vector<Cidr>& trusted);

// An element that is not an address ends the walk: the last valid address is used.
IpAddress client_address(const IpAddress& peer, const Fields& fields, const std::vector<Cidr>& trusted);

}  // namespace tidegate::http
