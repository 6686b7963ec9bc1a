// Guards the endpoints that change something. A request is refused if the interface is read_only, if it comes from a
// page of another site (Origin), or if it lacks the configured token. Without a token, a page must have been opened by
// address or as localhost: anyone can make a DNS name resolve to this machine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"
#include "http/server/server.h"

namespace tidegate::admin {

// A refusal: the response, as application/problem+json.
struct Refused {
  uint16_t status = 400;
  std::string_view reason;
  std::string detail;
  std::string fields;  // zero or more "Name: value\r\n" lines
};

// Pure. None: the request may change things.
std::optional<Refused> refuse_mutation(const http::RequestHead& head, const config::Admin& admin);

// Responds with the refusal and an X-Request-Id.
void send_refusal(http::Responder& responder, const Refused& refused);
// Logs `operator_refused`.
void log_refused(http::Responder& responder, const Refused& refused);

}  // namespace tidegate::admin
