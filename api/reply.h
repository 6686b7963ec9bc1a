// A whole answer before it is sent, and the refusals that several parts of the service share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "api/store/image.h"
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
  ObjectPtr image;                 // instead of content type and body
  const char* outcome = "failed";  // one word for the log
};

// application/problem+json. `reason` is also the log's outcome.
Reply problem_reply(uint16_t status, const char* reason, std::string_view detail, std::string_view fields = {});

Reply json_reply(uint16_t status, std::string body, std::string_view fields = {});

// 503 with Retry-After: no room for another picture in memory just now.
Reply busy_reply();
// 503: the store failed, and says itself when to come again. What it said goes to the log, not to the client; a full
// disk is told.
Reply store_reply(const Error& error, Duration retry_after);
// Tidegate could not be reached, broke off (502) or took too long (504).
Reply unreachable_reply(const Error& error);
// 503 with Retry-After: Tidegate cannot be asked what has become of a job.
Reply unasked_reply(const Error& error);
// An answer of Tidegate's, or of the service behind it, as it is: status, type, body, Retry-After.
Reply passed_on(http::FetchResponse response);

std::string field_line(std::string_view name, std::string_view value);

// Sends all but images: those take an ImageSender. Every answer lets pages of other origins read it.
inline constexpr std::string_view kCommonFields =
    "Access-Control-Allow-Origin: *\r\n"
    "Access-Control-Expose-Headers: ETag, Location, Retry-After, X-Cache, X-Image-Key\r\n"
    "X-Content-Type-Options: nosniff\r\n";
void send(http::Responder& responder, const Reply& reply);

}  // namespace tidegate::api
