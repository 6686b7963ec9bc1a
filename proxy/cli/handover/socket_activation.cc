#include "cli/handover/socket_activation.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>

#include <fmt/format.h>

namespace tidegate::cli {

namespace {

constexpr int kFirstDescriptor = 3;  // SD_LISTEN_FDS_START
constexpr int kSocketsMax = 1000;

std::string take_variable(const char* name) {
  const char* const set = std::getenv(name);
  std::string value = set ? set : "";
  ::unsetenv(name);
  return value;
}

std::optional<int> number_of(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

// The next of the names, which it is taken from.
std::string next_name(std::string_view& names) {
  const size_t colon = std::min(names.find(':'), names.size());
  std::string name(names.substr(0, colon));
  names.remove_prefix(std::min(colon + 1, names.size()));
  return name;
}

std::optional<SocketAddress> find_address(const ActivatedSocket& socket, const config::Config& config) {
  const auto& listeners = config.listeners;
  const auto find = [&](const auto& is_it) -> std::optional<SocketAddress> {
    const auto found = std::find_if(listeners.begin(), listeners.end(), is_it);
    return found == listeners.end() ? std::nullopt : std::optional(found->address);
  };
  if (socket.bound == config.admin.address) return socket.bound;
  if (const auto found = find([&](const config::Listener& each) { return each.address == socket.bound; })) return found;
  if (const auto found = find([&](const config::Listener& each) { return each.name == socket.name; })) return found;
  return socket.name == "admin" ? std::optional(config.admin.address) : std::nullopt;
}

}  // namespace

Result<std::vector<ActivatedSocket>> take_activated_sockets() {
  const std::string process = take_variable("LISTEN_PID");
  const std::string count = take_variable("LISTEN_FDS");
  const std::string all_names = take_variable("LISTEN_FDNAMES");
  std::vector<ActivatedSocket> sockets;
  if (count.empty()) return sockets;
  if (process.empty()) return sockets;
  const auto meant = number_of(process), number = number_of(count);
  if (!meant) return Error{ErrorCode::invalid, "LISTEN_PID is not the id of a process: " + process};
  if (*meant != ::getpid()) return sockets;
  if (!number || *number > kSocketsMax) {
    return Error{ErrorCode::invalid, fmt::format("LISTEN_FDS is not a number from 0 to {}: {}", kSocketsMax, count)};
  }
  std::string_view names = all_names;
  for (int fd = kFirstDescriptor; fd < kFirstDescriptor + *number; ++fd) {
    ActivatedSocket& socket = sockets.emplace_back();
    socket.name = next_name(names);
    socket.socket = net::Descriptor(fd);
    const auto bound = net::adopt_listening_socket(socket.socket);
    if (!bound) {
      return Error{ErrorCode::invalid,
                   fmt::format("inherited socket {} ({}): {}", fd, socket.name, bound.error().message)};
    }
    socket.bound = *bound;
  }
  return sockets;
}

Result<std::vector<net::InheritedSocket>> assign_sockets(std::vector<ActivatedSocket> sockets,
                                                         const config::Config& config) {
  std::vector<net::InheritedSocket> assigned;
  for (ActivatedSocket& socket : sockets) {
    const auto address = find_address(socket, config);
    if (!address) {
      return Error{ErrorCode::invalid,
                   fmt::format("inherited socket {} ({}) listens on {}, and no listener has that address or that name: "
                               "nobody would accept from it",
                               socket.socket.number(), socket.name, socket.bound.to_string())};
    }
    assigned.push_back({*address, std::move(socket.socket), true, net::SocketOrigin::inherited});
  }
  return assigned;
}

}  // namespace tidegate::cli
