#include "core/upstream/forward.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>

#include "base/ids.h"
#include "http/message/chars.h"
#include "http/message/identity_fields.h"
#include "http/message/writer.h"

namespace tidegate::core {

namespace {

constexpr size_t kRequestIdMax = 128;
constexpr size_t kTraceparentSize = 55;

// The version is that of the message as it was received: RFC 9110 section 7.6.3.
std::string_view via(uint8_t version_minor) { return version_minor == 0 ? "1.0 tidegate" : "1.1 tidegate"; }

bool is_request_id(std::string_view text) {
  return !text.empty() && text.size() <= kRequestIdMax && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) || std::strchr("-_.:+/=", c);
  });
}

bool is_lower_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// "00-<32 hex>-<16 hex>-<2 hex>", ids not all zero (W3C Trace Context section 3.2). A higher version begins in the same
// way, and may go on after another dash.
bool is_traceparent(std::string_view text) {
  if (text.size() < kTraceparentSize || text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
  const std::string_view version = text.substr(0, 2);
  if (!is_lower_hex(version) || version == "ff") return false;
  if (text.size() > kTraceparentSize && (version == "00" || text[kTraceparentSize] != '-')) return false;
  const std::string_view trace = text.substr(3, 32);
  const std::string_view parent = text.substr(36, 16);
  return is_lower_hex(trace) && is_lower_hex(parent) && is_lower_hex(text.substr(53, 2)) &&
         trace.find_first_not_of('0') != std::string_view::npos &&
         parent.find_first_not_of('0') != std::string_view::npos;
}

// Of a higher version only the flag that version 00 knows.
std::string_view flags_of(std::string_view traceparent) {
  if (traceparent.starts_with("00")) return traceparent.substr(53);
  return http::hex_value(traceparent[54]) % 2 == 1 ? "01" : "00";
}

std::string hex64(uint64_t value) {
  uint8_t bytes[8];
  std::memcpy(bytes, &value, sizeof(bytes));
  return to_hex(bytes, sizeof(bytes));
}

// Fields that Tidegate writes anew in every request it forwards, or that are meant for it alone.
constexpr std::string_view kRewritten[] = {"host",
                                           "content-length",
                                           "expect",
                                           "x-request-id",
                                           "traceparent",
                                           "x-forwarded-for",
                                           "x-forwarded-proto",
                                           "x-forwarded-host",
                                           "tidegate-body-ref",
                                           "proxy-authorization"};

bool is_rewritten(std::string_view name) {
  return std::any_of(std::begin(kRewritten), std::end(kRewritten),
                     [&](std::string_view one) { return http::iequals(one, name); });
}

// Accepted only from a trusted proxy: who its client is, and what some servers read as a field that Tidegate writes.
bool claims_identity(std::string_view name) {
  return http::is_identity_field(name) ||
         std::any_of(std::begin(kRewritten), std::end(kRewritten),
                     [&](std::string_view one) { return http::is_same_variable(one, name); });
}

std::string forwarded_for(const http::RequestHead& head, const RequestContext& context) {
  std::string list;
  if (context.peer_trusted) {
    for (const http::Field& field : head.fields) {
      if (!http::iequals(field.name, "x-forwarded-for") || field.value.empty()) continue;
      list.append(field.value).append(", ");
    }
  }
  return list + context.peer.to_string();
}

// Gives each field that goes on to the upstream, in order, Host and framing excepted.
template <typename Give>
void each_forwarded(const http::RequestHead& head, const RequestContext& context, std::string_view timeout_header,
                    Give give) {
  const auto hops = hops_left(head);
  for (const http::Field& field : head.fields) {
    if (http::is_hop_by_hop(field.name, head.fields) || is_rewritten(field.name)) continue;
    if (!timeout_header.empty() && http::iequals(field.name, timeout_header)) continue;
    if (!context.peer_trusted && claims_identity(field.name)) continue;
    if (!context.continues_trace && http::iequals(field.name, "tracestate")) continue;
    const bool counted = hops && http::iequals(field.name, "max-forwards");
    counted ? give(field.name, std::to_string(*hops - 1)) : give(field.name, field.value);
  }
  const auto trusted_or = [&](std::string_view name, std::string_view otherwise) {
    const auto given = context.peer_trusted ? head.fields.find(name) : std::nullopt;
    return given && !given->empty() ? *given : otherwise;
  };
  give("Via", via(head.version_minor));
  give("X-Forwarded-For", forwarded_for(head, context));
  give("X-Forwarded-Proto", trusted_or("x-forwarded-proto", context.over_tls ? "https" : "http"));
  if (const auto host = trusted_or("x-forwarded-host", head.authority); !host.empty()) give("X-Forwarded-Host", host);
  give("X-Request-Id", context.request_id);
  give("traceparent", context.traceparent);
}

void write_framing(http::HeadWriter& writer, const BodyFraming& body, std::string_view method) {
  const bool expects_body = method == "POST" || method == "PUT" || method == "PATCH";
  if (body.framing == http::Framing::chunked) {
    writer.field("Transfer-Encoding", "chunked");
  } else if (body.framing == http::Framing::content_length || expects_body) {
    writer.field("Content-Length", body.length);
  }
}

// Ended here with the other fields of the connection, and begun anew where the protocol may go on.
void write_upgrade(http::HeadWriter& writer, std::string_view protocol) {
  writer.field("Connection", "Upgrade");
  writer.field("Upgrade", protocol);
}

void write_timeout(http::HeadWriter& writer, std::string_view header, int64_t ms) {
  if (!header.empty()) writer.field(header, static_cast<uint64_t>(std::max<int64_t>(ms, 1)));
}

}  // namespace

std::optional<uint64_t> hops_left(const http::RequestHead& head) {
  if (head.method != "OPTIONS" && head.method != "TRACE") return std::nullopt;
  const auto text = head.fields.find("max-forwards");
  if (!text) return std::nullopt;
  uint64_t hops = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), hops);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return hops;
}

RequestContext make_context(const http::RequestHead& head, const IpAddress& peer, bool peer_trusted,
                            const std::string& new_id, Random& random) {
  RequestContext context;
  context.peer = peer;
  context.peer_trusted = peer_trusted;
  const auto id = head.fields.find("x-request-id");
  context.request_id = peer_trusted && id && is_request_id(*id) ? std::string(*id) : new_id;
  const auto parent = head.fields.find("traceparent");
  context.continues_trace = parent && head.fields.count("traceparent") == 1 && is_traceparent(*parent);
  std::string& own = context.traceparent;
  own = "00-";
  if (context.continues_trace) {
    own.append(parent->substr(3, 33)).append(hex64(random.next() | 1)).append("-").append(flags_of(*parent));
  } else {
    own += hex64(random.next()) + hex64(random.next() | 1) + "-" + hex64(random.next() | 1) + "-01";
  }
  return context;
}

void write_request_head(std::string& out, const http::RequestHead& head, const RequestContext& context,
                        const AttemptHead& attempt) {
  http::HeadWriter writer(out);
  writer.request_line(head.method, head.target);
  writer.field("Host", head.authority.empty() ? attempt.authority : head.authority);
  each_forwarded(head, context, attempt.timeout_header,
                 [&](std::string_view name, std::string_view value) { writer.field(name, value); });
  write_timeout(writer, attempt.timeout_header, attempt.timeout_ms);
  if (!context.upgrade.empty()) write_upgrade(writer, context.upgrade);
  write_framing(writer, attempt.body, head.method);
  writer.end();
}

void write_response_head(std::string& out, const http::ResponseHead& head, std::string_view request_id) {
  http::HeadWriter writer(out);
  writer.status_line(head.status, head.reason);
  for (const http::Field& field : head.fields) {
    if (http::is_hop_by_hop(field.name, head.fields) || http::iequals(field.name, "content-length")) continue;
    if (http::iequals(field.name, "x-request-id")) continue;
    writer.field(field.name, field.value);
  }
  writer.field("Via", via(head.version_minor));
  writer.field("X-Request-Id", request_id);
}

void write_switch_head(std::string& out, const http::ResponseHead& head, std::string_view protocol,
                       std::string_view request_id) {
  write_response_head(out, head, request_id);
  http::HeadWriter writer(out);
  write_upgrade(writer, protocol);
  writer.end();
}

std::optional<uint64_t> relayed_length(std::string_view method, const http::ResponseHead& head) {
  const bool bare = method == "HEAD" || head.status == 304;
  if (head.has_content_length || (head.framing == http::Framing::none && !bare)) return head.content_length;
  return std::nullopt;
}

jobs::FieldList job_fields(const http::RequestHead& head, const RequestContext& context,
                           std::string_view timeout_header, const std::vector<std::string>& drop) {
  jobs::FieldList fields;
  if (!head.authority.empty()) fields.emplace_back("Host", head.authority);
  each_forwarded(head, context, timeout_header, [&](std::string_view name, std::string_view value) {
    const bool dropped =
        std::any_of(drop.begin(), drop.end(), [&](const std::string& d) { return http::iequals(d, name); });
    if (!dropped) fields.emplace_back(name, value);
  });
  return fields;
}

void write_job_head(std::string& out, std::string_view method, std::string_view target, const jobs::FieldList& fields,
                    std::string_view authority, uint64_t body_size, std::string_view timeout_header,
                    int64_t timeout_ms) {
  http::HeadWriter writer(out);
  writer.request_line(method, target);
  const bool has_host =
      std::any_of(fields.begin(), fields.end(), [](const auto& f) { return http::iequals(f.first, "host"); });
  if (!has_host) writer.field("Host", authority);
  for (const auto& [name, value] : fields) writer.field(name, value);
  write_timeout(writer, timeout_header, timeout_ms);
  write_framing(writer, {body_size > 0 ? http::Framing::content_length : http::Framing::none, body_size}, method);
  writer.end();
}

jobs::FieldList result_fields(const http::ResponseHead& head) {
  jobs::FieldList fields;
  for (const http::Field& field : head.fields) {
    if (!http::is_hop_by_hop(field.name, head.fields)) fields.emplace_back(field.name, field.value);
  }
  return fields;
}

}  // namespace tidegate::core
