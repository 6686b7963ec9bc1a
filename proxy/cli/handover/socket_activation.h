// Listening sockets that the service manager has opened: systemd socket activation, sd_listen_fds(3).
//
//   LISTEN_PID      who is meant: this process; without it, or if it is another, nothing is inherited
//   LISTEN_FDS      how many descriptors, from 3 on
//   LISTEN_FDNAMES  their names, with colons between them
//
// A socket belongs to the listener (or the admin interface) that is configured with the address that it is bound to;
// where there is none, to the listener of its name, or to the admin interface by the name "admin".
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "net/uv/listening_sockets.h"

namespace tidegate::cli {

struct ActivatedSocket {
  std::string name;  // "": it has none
  SocketAddress bound;
  net::Descriptor socket;
};

// Takes the descriptors over, and the variables out of the environment: no other process is meant. Called once, before
// there are threads. Errors: invalid (a variable; a descriptor that is no socket that listens on TCP).
Result<std::vector<ActivatedSocket>> take_activated_sockets();

// Each with the address of its listener. Error: invalid (one that no listener has: nobody would accept from it).
Result<std::vector<net::InheritedSocket>> assign_sockets(std::vector<ActivatedSocket> sockets,
                                                         const config::Config& config);

}  // namespace tidegate::cli
