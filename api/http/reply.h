// A whole response before it is sent, and the error responses that several handlers share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "api/store/object.h"
#include "base/result.h"
#include "base/time.h"
#include "http/client/fetch.h"
#include "http/server/server.h"

namespace tidegate::api {

struct Reply {
  uint16_t status = 500;
  std::string content_type;
  std::string body;
  std::string fields;              // zero or more "Name: value\r\n" lines
  ObjectPtr image;                 // in place of content type and body
  const char* outcome = "failed";  // one word for the log and the metrics
};

// application/problem+json. `reason` is also the outcome.
Reply problem_reply(uint16_t status, const char* reason, std::string_view detail, std::string_view fields = {});

Reply json_reply(uint16_t status, std::string body, std::string_view fields = {});

// 503 with Retry-After: the memory budget for pictures is used up.
Reply busy_reply();
// 503: the store failed; `retry_after` comes from the store. The error is logged, not sent to the client, except that
// the store has no space.
Reply store_reply(const Error& error, Duration retry_after);
// The request to Tidegate failed: 502 if it was not reached or the connection broke, 504 on a timeout.
Reply upstream_error_reply(const Error& error);
// 503 with Retry-After: Tidegate cannot report on a job now.
Reply tidegate_unavailable_reply(const Error& error);
// A response of Tidegate or of the optimizer behind it, unchanged: status, type, body, Retry-After.
Reply forwarded_reply(http::FetchResponse response);

std::string field_line(std::string_view name, std::string_view value);

// On every response. Pages of any origin may read it.
inline constexpr std::string_view kCommonFields =
    "Access-Control-Allow-Origin: *\r\n"
    "Access-Control-Expose-Headers: ETag, Location, Retry-After, X-Cache, X-Image-Key\r\n"
    "X-Content-Type-Options: nosniff\r\n";
// REQUIRES a reply without an image: ImageSender sends those.
void send(http::Responder& responder, const Reply& reply);

}  // namespace tidegate::api
