// What a service manager is told about this process: sd_notify(3).
#pragma once

#include <string_view>

namespace tidegate::net {

// Sends `state`, lines such as "READY=1", to the socket that NOTIFY_SOCKET names; does nothing where it is not set, or
// nobody reads there. Does not block.
void notify_service_manager(std::string_view state);

}  // namespace tidegate::net
