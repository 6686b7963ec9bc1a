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

std::string endpoint_json(const core::EndpointView& endpoint, const net::WatchedName* name, const Clock& clock) {
  const core::EndpointHealth::View& health = endpoint.health;
  JsonWriter json;
  json.field("endpoint", endpoint.authority).field("healthy", health.healthy());
  json.field("idle_connections", endpoint.idle).field("busy_connections", endpoint.busy);
  json.field("failed_connects", health.failed_connects);
  health.since ? json.field("unhealthy_since", clock.show(*health.since)) : json.null("unhealthy_since");
  if (health.last_failure) {
    json.field("last_error", health.last_failure->reason).field("last_error_at", clock.show(health.last_failure->at));
  } else {
    json.null("last_error").null("last_error_at");
  }
  name ? json.raw("name", name_json(name->view(), clock)) : json.null("name");
  return json.take();
}

}  // namespace

std::string last_failure_json(const core::FailureNote& note, const core::Upstream& upstream, const Clock& clock) {
  const auto failure = note.last();
  if (!failure) return "null";
  return JsonWriter()
      .field("at", clock.show(failure->at))
      .field("endpoint", upstream.endpoint(failure->endpoint).authority)
      .field("outcome", to_string(failure->outcome))
      .field("reason", failure->reason)
      .take();
}

std::string upstream_json(core::Upstream& upstream, const Clock& clock) {
  std::vector<std::string> endpoints;
  for (const core::EndpointView& endpoint : upstream.endpoint_views()) {
    endpoints.push_back(endpoint_json(endpoint, upstream.name(endpoints.size()), clock));
  }
  JsonWriter json;
  json.field("name", upstream.config().name)
      .field("waiting", upstream.connections().waiting())
      .raw("last_failure", last_failure_json(upstream.failures(), upstream, clock))
      .raw("endpoints", json_array(endpoints));
  return json.take();
}

}  // namespace tidegate::admin
