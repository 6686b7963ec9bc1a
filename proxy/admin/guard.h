// Decides who may use an endpoint of the admin interface.
//
//               Host                             token, if one is set    Origin, read_only
//   open        any                              -                       -
//   show        address, localhost, admin.hosts  -                       -
//   show_jobs   the same, or with the token      required                -
//   change      the same, or with the token      required                checked
//
// Host: a page of another site can make its own DNS name resolve to this machine, and then reads what it likes as "its
// own" site (DNS rebinding). Its requests carry that name, never an address; and it does not have the token.
// `open` shows neither ids nor bodies, only names of the configuration, counts and errors of stores: probes and
// Prometheus come by whatever name, and a check would make a supervisor restart a healthy process.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"
#include "http/server/server.h"

namespace tidegate::admin {

enum class Access : uint8_t {
  open,       // health and metrics
  show,       // states
  show_jobs,  // ids of jobs, which are the permission to read their results and to cancel them
  change,
};

// A refusal: the response, as application/problem+json.
struct Refused {
  uint16_t status = 400;
  std::string_view reason;
  std::string detail;
  std::string fields;  // zero or more "Name: value\r\n" lines
};

// Pure. None: the request is allowed.
std::optional<Refused> refuse_access(const http::RequestHead& head, Access access, const config::Admin& admin);

// Responds with the refusal and an X-Request-Id.
void send_refusal(http::Responder& responder, const Refused& refused);
// Logs `operator_refused`.
void log_refused(http::Responder& responder, const Refused& refused);

}  // namespace tidegate::admin
