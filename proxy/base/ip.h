// IP addresses and prefixes as values. IPv4 and IPv6; an IPv4-mapped IPv6 address is the IPv4 address.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tidegate {

struct IpAddress {
  std::array<uint8_t, 16> bytes{};  // an IPv4 address fills the first four
  bool v6 = false;

  // No zone, no port, no brackets. Octal, short and other inet_aton forms are refused.
  static std::optional<IpAddress> parse(std::string_view text);
  std::string to_string() const;
  bool is_loopback() const;

  // The address with all bits after the first `prefix_bits` cleared.
  IpAddress masked(int prefix_bits) const;

  friend bool operator==(const IpAddress&, const IpAddress&) = default;
};

// "127.0.0.0/8", "::1", "10.1.2.3" (a whole address is its own prefix).
struct Cidr {
  IpAddress base;
  int prefix_bits = 0;

  static std::optional<Cidr> parse(std::string_view text);
  bool contains(const IpAddress& address) const;
};

// An address and a port: "127.0.0.1:80", "[::1]:80".
struct SocketAddress {
  IpAddress ip;
  uint16_t port = 0;

  static std::optional<SocketAddress> parse(std::string_view text);
  std::string to_string() const;

  friend bool operator==(const SocketAddress&, const SocketAddress&) = default;
};

}  // namespace tidegate
