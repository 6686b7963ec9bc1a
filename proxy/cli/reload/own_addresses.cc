#include "cli/reload/own_addresses.h"

namespace tidegate::cli {

namespace {

constexpr Duration kLeavingMax = 1s;  // until the socket of a closed listener is; http::Server::kHandshakeMax, and more

}  // namespace

void OwnAddresses::leave(const config::Config& replaced) {
  for (const config::Listener& listener : replaced.listeners) left_.push_back({listener.address, runtime_.now()});
}

std::vector<SocketAddress> OwnAddresses::all() {
  std::erase_if(left_, [&](const Left& left) { return runtime_.now() - left.at > kLeavingMax; });
  std::vector<SocketAddress> addresses = sockets_.managed_addresses();
  for (const Left& left : left_) addresses.push_back(left.address);
  for (const config::Listener& listener : gateway_.table()->config().listeners) addresses.push_back(listener.address);
  return addresses;
}

}  // namespace tidegate::cli
