#include "base/ip.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>

namespace tidegate {

namespace {

std::optional<int> parse_int(std::string_view text, int max) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || value > max) return std::nullopt;
  return value;
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  char buffer[INET6_ADDRSTRLEN];
  if (text.empty() || text.size() >= sizeof(buffer)) return std::nullopt;
  std::memcpy(buffer, text.data(), text.size());
  buffer[text.size()] = '\0';
  IpAddress address;
  if (inet_pton(AF_INET, buffer, address.bytes.data()) == 1) return address;
  if (inet_pton(AF_INET6, buffer, address.bytes.data()) != 1) return std::nullopt;
  static constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::memcmp(address.bytes.data(), kMapped, sizeof(kMapped)) == 0) {
    IpAddress v4;
    std::memcpy(v4.bytes.data(), address.bytes.data() + 12, 4);
    return v4;
  }
  address.v6 = true;
  return address;
}

std::string IpAddress::to_string() const {
  char buffer[INET6_ADDRSTRLEN];
  inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), buffer, sizeof(buffer));
  return buffer;
}

bool IpAddress::is_loopback() const {
  if (!v6) return bytes[0] == 127;
  IpAddress one{{}, true};
  one.bytes[15] = 1;
  return *this == one;
}

IpAddress IpAddress::masked(int prefix_bits) const {
  IpAddress result = *this;
  for (int bit = 0, i = 0; i < 16; ++i, bit += 8) {
    const int kept = prefix_bits - bit;
    if (kept >= 8) continue;
    result.bytes[i] = kept <= 0 ? 0 : static_cast<uint8_t>(result.bytes[i] & (0xff << (8 - kept)));
  }
  return result;
}

std::optional<Cidr> Cidr::parse(std::string_view text) {
  const size_t slash = text.find('/');
  const auto base = IpAddress::parse(text.substr(0, slash));
  if (!base) return std::nullopt;
  const int bits_max = base->v6 ? 128 : 32;
  if (slash == std::string_view::npos) return Cidr{*base, bits_max};
  const auto bits = parse_int(text.substr(slash + 1), bits_max);
  if (!bits) return std::nullopt;
  return Cidr{base->masked(*bits), *bits};
}

bool Cidr::contains(const IpAddress& address) const {
  return address.v6 == base.v6 && address.masked(prefix_bits) == base;
}

std::optional<SocketAddress> SocketAddress::parse(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto ip = IpAddress::parse(host);
  const auto port = parse_int(text.substr(colon + 1), 65535);
  if (!ip || !port || ip->v6 != bracketed) return std::nullopt;
  return SocketAddress{*ip, static_cast<uint16_t>(*port)};
}

std::string SocketAddress::to_string() const {
  const std::string host = ip.v6 ? "[" + ip.to_string() + "]" : ip.to_string();
  return host + ":" + std::to_string(port);
}

}  // namespace tidegate
