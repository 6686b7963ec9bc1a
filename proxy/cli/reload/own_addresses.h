// Where this process listens itself, which is no reason to refuse a listener there. On the main loop.
#pragma once

#include <vector>

#include "base/ip.h"
#include "config/config.h"
#include "core/gateway.h"
#include "net/runtime.h"
#include "net/uv/listening_sockets.h"

namespace tidegate::cli {

class OwnAddresses {
 public:
  // All outlive this.
  OwnAddresses(net::Runtime& runtime, const core::Gateway& gateway, const net::ListeningSockets& sockets)
      : runtime_(runtime), gateway_(gateway), sockets_(sockets) {}

  // A reload replaces that configuration: a listener that closes accepts for a moment what is under way.
  void leave(const config::Config& replaced);
  std::vector<SocketAddress> all();

 private:
  struct Left {
    SocketAddress address;
    Time at;
  };

  net::Runtime& runtime_;
  const core::Gateway& gateway_;
  const net::ListeningSockets& sockets_;
  std::vector<Left> left_;
};

}  // namespace tidegate::cli
