// Fields that end with one connection: RFC 9110 section 7.6.1.
#include <algorithm>
#include <array>

#include "http/message/identity_fields.h"
#include "http/message/writer.h"

namespace tidegate::http {

namespace {

constexpr std::array<std::string_view, 10> kHopByHop = {
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "proxy-authenticate",
    "proxy-authentication-info",
    "http2-settings",
};

// Message framing, identity, and what Tidegate itself decides by: naming these in Connection must not make them vanish
// on their way to the server that checks them.
constexpr std::array<std::string_view, 13> kProtected = {
    "host",         "content-length",   "authorization",        "cookie",     "proxy-authorization",
    "via",          "x-request-id",     "traceparent",          "tracestate", "idempotency-key",
    "content-type", "content-encoding", "x-request-timeout-ms",
};

constexpr std::string_view kProtectedPrefix = "tidegate-";

template <size_t N>
bool is_one_of(std::string_view name, const std::array<std::string_view, N>& names) {
  return std::any_of(names.begin(), names.end(), [&](std::string_view one) { return iequals(name, one); });
}

bool is_protected(std::string_view name) {
  return is_identity_field(name) || is_one_of(name, kProtected) ||
         iequals(name.substr(0, kProtectedPrefix.size()), kProtectedPrefix);
}

}  // namespace

bool is_hop_by_hop(std::string_view name, const Fields& fields) {
  if (is_one_of(name, kHopByHop)) return true;
  return fields.any_contains("connection", name) && !is_protected(name);
}

}  // namespace tidegate::http
