// The change to another protocol on the same connection: Upgrade and 101 (RFC 9110 section 7.8).
#pragma once

#include <cstdint>
#include <string_view>

#include "http/message/head.h"

namespace tidegate::http {

inline constexpr uint16_t kSwitchingProtocols = 101;

// The protocol that the request asks to switch to, as received ("websocket"); or "": it asks for none, or not in a way
// that means the same to everyone. So it must be of HTTP/1.1, keep the connection, have no body (a body that the other
// protocol's bytes would follow) and not be HEAD; and it names one protocol, in one field, and the field in Connection.
std::string_view requested_upgrade(const RequestHead& head);

// Whether a 101 switches to `protocol`, and to nothing else: by the same rules. It may have no body framing.
bool switches_to(const ResponseHead& head, std::string_view protocol);

// "name" or "name/version", of tokens; not "*", which would be read as any.
bool is_protocol(std::string_view text);
// Whether it is known that requests travel in it (h2c, HTTP/2.0, SPDY/3.1, TLS/1.0): behind its 101, they would pass
// every policy unseen.
bool carries_requests(std::string_view protocol);

}  // namespace tidegate::http
