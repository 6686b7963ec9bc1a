// listeners[N].routes[N].fallback: what answers in the upstream's place.
#include <algorithm>

#include "config/sections.h"
#include "config/values.h"

namespace tidegate::config {

namespace {

void read_body_kind(Section& section) {
  bool inlined = true;
  if (section.choice<bool>("body", inlined, {{"inline", true}, {"reference", false}}) && !inlined) {
    section.unsupported("body", "`reference`; the only value is `inline`");
  }
  if (const auto hosts = section.list("reference_hosts", "a list"); hosts && !hosts->empty()) {
    section.unsupported("reference_hosts", "bodies by reference; leave it empty");
  }
  section.unsupported_text("callback", "a callback when a job is done");
}

void read_enqueue(Section& section, FallbackEnqueue& out) {
  if (section.require("queue")) section.text("queue", out.queue);
  section.size("max_body", out.max_body, 0, 1ull << 40);
  read_body_kind(section);
  section.parsed_list("drop_headers", out.drop_headers, "the name of a header field", parse_field_name);
  for (std::string& name : out.drop_headers) {
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  }
}

void read_respond(Section& section, FallbackRespond& out) {
  section.integer("status", out.status, 200, 599);
  section.parsed("content_type", out.content_type, "a media type such as `text/plain`", parse_content_type);
  section.text("body", out.body);
  const bool bodiless = out.status == 204 || out.status == 205 || out.status == 304;
  if (bodiless && !out.body.empty()) section.error("body", "an answer with this status has no body (RFC 9110)");
}

}  // namespace

void read_fallback(Section& section, Fallback& out) {
  out.on = *policy::Conditions::of({"breaker_open", "bulkhead_full", "connect_failure"});
  read_conditions(section, "on", out.on, true);
  section.child("enqueue", [&](Section& child) { read_enqueue(child, out.action.emplace<FallbackEnqueue>()); });
  section.child("respond", [&](Section& child) { read_respond(child, out.action.emplace<FallbackRespond>()); });
  const bool enqueue = section.has("enqueue"), respond = section.has("respond");
  if (enqueue && respond) section.error("respond", "stands beside `enqueue`; a fallback is one of them");
  if (!enqueue && !respond) section.error("needs `enqueue` or `respond`");
}

}  // namespace tidegate::config
