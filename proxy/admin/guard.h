// Who may change anything over the admin interface: nobody where it is read_only; no page of another site (Origin;
// without a token none by name either, as names can be made to lead here); and only who knows the token, where there is
// one. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"
#include "http/server/server.h"

namespace tidegate::admin {

// An answer that says no.
struct Refused {
  uint16_t status = 400;
  std::string_view reason;
  std::string detail;
  std::string fields;  // zero or more "Name: value\r\n" lines
};

std::optional<Refused> refuse_mutation(const http::RequestHead& head, const config::Admin& admin);

// application/problem+json with X-Request-Id; `head`'s responder is answered.
void answer_refused(http::Responder& responder, const Refused& refused);

}  // namespace tidegate::admin
