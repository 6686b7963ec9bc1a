#include "admin/upstream_json.h"

#include <vector>

#include "base/json_writer.h"

namespace tidegate::admin {

namespace {

// The addresses of an endpoint that is a name.
std::string name_json(const net::NameView& name, const Clock& clock) {
  std::vector<std::string> addresses;
  for (const IpAddress& address : name.addresses) addresses.push_back('"' + address.to_string() + '"');
  JsonWriter json;
  json.field("state", to_string(name.state)).raw("addresses", json_array(addresses));
  name.resolved_at ? json.field("resolved_at", clock.show(*name.resolved_at)) : json.null("resolved_at");
  name.last_error.empty() ? json.null("last_error") : json.field("last_error", name.last_error);
  return json.take();
}

void add_time(JsonWriter& json, const char* name, const std::optional<Time>& time, const Clock& clock) {
  time ? json.field(name, clock.show(*time)) : json.null(name);
}

std::string check_json(const policy::EndpointStateView::Event& check, const Clock& clock) {
  JsonWriter json;
  json.field("at", clock.show(check.at)).field("ok", check.reason.empty());
  check.reason.empty() ? json.null("reason") : json.field("reason", check.reason);
  return json.take();
}

std::string endpoint_json(const core::Endpoint& endpoint, const Clock& clock) {
  const policy::EndpointStateView health = endpoint.health().view();
  JsonWriter json;
  json.field("endpoint", endpoint.authority());
  json.field("state", to_string(health.state)).field("healthy", health.state == policy::EndpointState::healthy);
  json.field("idle_connections", endpoint.idle());
  json.field("busy_connections", static_cast<int>(endpoint.load().requests));
  json.field("failed_connects", health.failed_connects);
  json.field("failed_calls", health.failed_calls).field("failed_checks", health.failed_checks);
  add_time(json, "unhealthy_since", health.since, clock);
  add_time(json, "ejected_until", health.ejected_until, clock);
  if (health.last_failure) {
    json.field("last_error", health.last_failure->reason).field("last_error_at", clock.show(health.last_failure->at));
  } else {
    json.null("last_error").null("last_error_at");
  }
  health.last_check ? json.raw("last_check", check_json(*health.last_check, clock)) : json.null("last_check");
  const net::WatchedName* const name = endpoint.name();
  name ? json.raw("name", name_json(name->view(), clock)) : json.null("name");
  return json.take();
}

}  // namespace

std::string last_failure_json(const core::FailureNote& note, const core::Upstream& upstream, const Clock& clock) {
  const auto failure = note.last();
  if (!failure) return "null";
  return JsonWriter()
      .field("at", clock.show(failure->at))
      .field("endpoint", upstream.endpoint(failure->endpoint).authority())
      .field("outcome", to_string(failure->outcome))
      .field("reason", failure->reason)
      .take();
}

std::string upstream_json(core::Upstream& upstream, const Clock& clock) {
  std::vector<std::string> endpoints;
  for (const auto& endpoint : upstream.endpoints()) endpoints.push_back(endpoint_json(*endpoint, clock));
  const core::ConnectionLimit::View connections = upstream.connections().view();
  JsonWriter json;
  json.field("name", upstream.config().name)
      .field("connections", connections.open)
      .field("max_connections", connections.limit)
      .field("tunnels", connections.tunnels)
      .field("waiting", connections.waiting)
      .raw("last_failure", last_failure_json(upstream.failures(), upstream, clock))
      .raw("endpoints", json_array(endpoints));
  return json.take();
}

}  // namespace tidegate::admin
