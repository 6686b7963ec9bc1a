// What Tidegate writes ahead of bodies: a request to the upstream, a response to the client, a job's stored request.
// Hop-by-hop fields end here (RFC 9110 section 7.6.1); Via, X-Forwarded-*, X-Request-Id and traceparent are added.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "base/random.h"
#include "http/message/head.h"
#include "jobs/job.h"

namespace tidegate::core {

// What is known of a request beside its head, the same for every attempt.
struct RequestContext {
  std::string request_id;
  std::string traceparent;
  bool continues_trace = false;  // of the sender; else its tracestate means nothing here
  IpAddress peer;
  bool peer_trusted = false;
  bool over_tls = false;                  // the peer has sent it so
  std::string_view upgrade = {};          // the protocol that it asks to switch to, and may; "": none
  std::string_view upgrade_refused = {};  // and may not: then it is an ordinary request
};

// X-Request-Id of a trusted peer if it is a plain token of at most 128 characters, else a new one; traceparent of
// any peer (W3C Trace Context: continued as version 00 with a new parent id, or begun).
RequestContext make_context(const http::RequestHead& head, const IpAddress& peer, bool peer_trusted,
                            const std::string& new_id, Random& random);

// The body's framing upstream: none, a length, or chunked.
struct BodyFraming {
  http::Framing framing = http::Framing::none;
  uint64_t length = 0;
};

struct AttemptHead {
  std::string_view authority;  // for a request without Host
  BodyFraming body;
  std::string_view timeout_header;  // "" = none
  int64_t timeout_ms = 0;
};

// How many more hops an OPTIONS or TRACE may take (RFC 9110 section 7.6.2): 0 = it must be responded to here. None: no
// limit (no Max-Forwards, another method, or a value that is no number, which has no meaning).
std::optional<uint64_t> hops_left(const http::RequestHead& head);

// Appends the request's head for one attempt.
void write_request_head(std::string& out, const http::RequestHead& head, const RequestContext& context,
                        const AttemptHead& attempt);

// Appends the whole 101 of an upstream that has switched to that protocol.
void write_switch_head(std::string& out, const http::ResponseHead& head, std::string_view protocol,
                       std::string_view request_id);

// Appends the response's head, without the framing and connection fields (the server adds its own) and without the end.
void write_response_head(std::string& out, const http::ResponseHead& head, std::string_view request_id);

// The length of a relayed response's body, where it is known before the body has come. The response to HEAD, and a 304,
// have the length that they state, if any; other responses without a body have none.
std::optional<uint64_t> relayed_length(std::string_view method, const http::ResponseHead& head);

// The end-to-end fields of a request as a job keeps them: what write_request_head would send, without framing, the
// timeout header and `drop` (lower-case names).
jobs::FieldList job_fields(const http::RequestHead& head, const RequestContext& context,
                           std::string_view timeout_header, const std::vector<std::string>& drop);

// Appends a stored job's head for a replay.
void write_job_head(std::string& out, std::string_view method, std::string_view target, const jobs::FieldList& fields,
                    std::string_view authority, uint64_t body_size, std::string_view timeout_header,
                    int64_t timeout_ms);

// The end-to-end fields of a response, for a stored result; Content-Length among them, since the response to HEAD has
// no body to tell it by.
jobs::FieldList result_fields(const http::ResponseHead& head);

}  // namespace tidegate::core
