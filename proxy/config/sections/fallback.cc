// listeners[N].routes[N].fallback: the response instead of an error.
#include <fmt/format.h>

#include <algorithm>

#include "config/sections/sections.h"
#include "config/values/text.h"
#include "config/values/urls.h"

namespace tidegate::config {

namespace {

// body: reference: the job stores the URL of its body; replay fetches it, from the listed hosts only.
void read_body_kind(Section& section, FallbackEnqueue& out) {
  section.choice<bool>("body", out.by_reference, {{"inline", false}, {"reference", true}});
  const bool good_hosts = section.parsed_list("reference_hosts", out.reference_hosts, "a host such as `minio.internal`",
                                              parse_reference_host);
  section.duration("reference_timeout", out.reference_timeout);
  if (out.by_reference && good_hosts && out.reference_hosts.empty()) {
    section.error("reference_hosts",
                  "is empty; with `body: reference`, list the hosts that bodies may be fetched from");
  }
  if (out.by_reference) return;
  if (!out.reference_hosts.empty()) section.error("reference_hosts", "has no effect without `body: reference`");
  if (section.find("reference_timeout")) section.error("reference_timeout", "has no effect without `body: reference`");
}

void read_callback(Section& section, Callback& out) {
  if (section.require("url")) {
    section.parsed("url", out.url, "a URL such as `http://127.0.0.1:8080/done`", parse_callback_url);
  }
  if (section.require("secret")) {
    section.parsed("secret", out.secret, "text of at least 16 bytes", parse_callback_secret);
  }
}

void read_enqueue(Section& section, FallbackEnqueue& out) {
  read_reference(section, "queue", out.queue);
  section.size("max_body", out.max_body, 0, 1ull << 40);
  read_body_kind(section, out);
  section.child("callback", [&](Section& child) { read_callback(child, out.callback.emplace()); });
  section.parsed_list("drop_headers", out.drop_headers, "a header field name", parse_field_name);
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
  if (bodiless && !out.body.empty()) {
    section.error("body", fmt::format("a response with status {} has no body (RFC 9110); remove it", out.status));
  }
}

}  // namespace

void read_fallback(Section& section, Fallback& out) {
  read_conditions(section, "on", out.on, true);
  section.child("enqueue", [&](Section& child) { read_enqueue(child, out.action.emplace<FallbackEnqueue>()); });
  section.child("respond", [&](Section& child) { read_respond(child, out.action.emplace<FallbackRespond>()); });
  const bool enqueue = section.has("enqueue"), respond = section.has("respond");
  if (enqueue && respond)
    section.error("respond", "`enqueue` and `respond` are mutually exclusive; remove one of them");
  if (!enqueue && !respond) section.error("requires `enqueue` or `respond`");
}

}  // namespace tidegate::config
