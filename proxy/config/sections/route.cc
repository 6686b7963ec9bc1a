// listeners[N].routes[N], without its rate limit and fallback.
#include "config/sections/sections.h"
#include "config/values/text.h"

namespace tidegate::config {

namespace {

void read_match(Section& section, Match& out) {
  PathPattern pattern;
  if (section.require("path")) {
    section.parsed("path", pattern, "a path such as `/optimize` or `/images/*`", parse_path_pattern);
  }
  out.path = pattern.path;  // empty if invalid: then it matches nothing
  out.prefix = pattern.prefix;
  section.parsed("host", out.host, "a host such as `api.example.org`", parse_host);
  section.parsed_list("methods", out.methods, "a method such as `POST`", parse_method);
  section.refuse_duplicates("methods", out.methods);
  if (section.is_empty_list("methods")) section.error("methods", "is empty; remove the key to match every method");
}

void read_timeout(Section& section, policy::TimeoutConfig& out, std::string& header) {
  section.duration("total", out.total);
  section.duration("per_try", out.per_try);
  section.duration("response_header", out.response_header);
  section.duration("idle", out.idle);
  section.duration("tunnel_idle", out.tunnel_idle);
  if (section.is_word("header", "")) {
    header.clear();
  } else {
    section.parsed("header", header, "a header field name", parse_field_name);
  }
}

void read_retry(Section& section, policy::RetryConfig& out) {
  out = retry_defaults();
  section.integer("max_attempts", out.max_attempts, 1, 100);
  read_conditions(section, "on", out.on, false);
  section.choice<bool>("methods", out.any_method, {{"idempotent", false}, {"any", true}});
  section.child("backoff", [&](Section& child) { read_backoff(child, out.backoff); });
}

void read_upgrades(Section& section, std::vector<std::string>& out) {
  const auto upgrades = section.find("upgrades");
  if (upgrades && upgrades->node->kind == Node::Kind::scalar) {
    return section.error("upgrades", "expected a list: write `[websocket]`, or `[]` for none");
  }
  section.parsed_list("upgrades", out, "a protocol such as `websocket`", parse_upgrade);
  section.refuse_duplicates("upgrades", out);
}

void read_buffering(Section& section, Buffering& out) {
  section.size("request", out.request, 0, 1ull << 50);  // at most limits.buffered: a check across sections
  section.size("response", out.response, 0, 1ull << 50);
  section.size("max_temp", out.max_temp, 0, 1ull << 40);
}

}  // namespace

void read_reference(Section& section, std::string_view key, std::string& out) {
  if (section.require(key) && section.text(key, out) && out.empty()) section.error(key, "is empty; write a name");
}

void read_route(Section& section, Route& out) {
  if (section.require("name")) section.parsed("name", out.name, "a name", parse_name);
  if (section.has("match")) section.child("match", [&](Section& child) { read_match(child, out.match); });
  else section.require("match");
  read_reference(section, "upstream", out.upstream);
  section.child("rate_limit", [&](Section& child) { read_rate_limit(child, out.rate_limit.emplace()); });
  section.child("timeout", [&](Section& child) { read_timeout(child, out.timeout, out.timeout_header); });
  if (section.has("tunnel_idle")) {
    section.find("tunnel_idle");
    section.error("tunnel_idle", "belongs in `timeout`: write `timeout: {tunnel_idle: …}`");
  }
  section.child("retry", [&](Section& child) { read_retry(child, out.retry); });
  const auto buffering = section.find("buffering");
  if (section.is_word("buffering", "off")) {
    out.buffering = {0, 0, 0};
  } else if (buffering && buffering->node->kind == Node::Kind::scalar) {
    section.error("buffering", "expected a section or `off`");
  } else {
    section.child("buffering", [&](Section& child) { read_buffering(child, out.buffering); });
  }
  read_upgrades(section, out.upgrades);
  section.child("fallback", [&](Section& child) { read_fallback(child, out.fallback.emplace()); });
  section.child("breaker", [&](Section& child) { out.breaker = read_breaker(child); });
  section.child("bulkhead", [&](Section& child) { out.bulkhead = read_bulkhead(child); });
}

}  // namespace tidegate::config
