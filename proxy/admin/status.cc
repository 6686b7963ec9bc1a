#include "admin/status.h"

#include <vector>

#include <fmt/format.h>

#include "admin/clock.h"
#include "admin/queue_json.h"
#include "admin/upstream_json.h"
#include "base/json_writer.h"

namespace tidegate::admin {

using policy::BreakerState;

namespace {

// What happens next, as a sentence.
std::string next_step(const policy::BreakerView& view, const policy::BreakerConfig& config, const Clock& clock) {
  switch (view.state) {
    case BreakerState::closed: return "calls go through";
    case BreakerState::open:
      return fmt::format("calls are refused; in {} s the next call or queued job is sent as a probe",
                         clock.seconds_until(*view.next_probe_at));
    case BreakerState::half_open:
      return fmt::format("{} of {} probes in flight; success closes the breaker, failure opens it again",
                         view.probes_in_flight, config.half_open_requests);
    case BreakerState::forced_open:
    case BreakerState::forced_closed:
      return view.forced_until ? "forced by an operator until " + clock.show(*view.forced_until)
                               : "forced by an operator until released";
  }
  return "";
}

std::string breaker_json(const policy::Breaker& breaker, const core::JudgedFailures& judged, const Clock& clock) {
  const policy::BreakerView view = breaker.view(clock.now());
  JsonWriter json;
  json.field("name", breaker.name()).field("state", to_string(view.state)).field("since", clock.show(view.since));
  if (view.transitions > 0) {
    json.field("reason", to_string(view.last.reason)).field("detail", view.last.detail);
  } else {
    json.null("reason").null("detail");
  }
  if (view.outage) {
    json.field("outage_since", clock.show(view.outage->since)).field("outage_cause", view.outage->cause);
  } else {
    json.null("outage_since").null("outage_cause");
  }
  json.field("upstream", judged.upstream.config().name)
      .raw("last_failure", last_failure_json(judged.note, judged.upstream, clock));
  view.next_probe_at ? json.field("next_probe_at", clock.show(*view.next_probe_at)) : json.null("next_probe_at");
  view.next_probe_at ? json.field("next_probe_in_s", clock.seconds_until(*view.next_probe_at))
                     : json.null("next_probe_in_s");
  json.field("next", next_step(view, breaker.config(), clock))
      .field("mode", breaker.config().mode == policy::Mode::shadow ? "shadow" : "enforce")
      .field("consecutive_failures", view.consecutive_failures)
      .field("window_calls", view.window_calls)
      .field("window_failures", view.window_failures)
      .field("window_slow", view.window_slow)
      .field("transitions", view.transitions);
  return json.take();
}

std::string bulkhead_json(const policy::Bulkhead& bulkhead) {
  const policy::Bulkhead::View view = bulkhead.view();
  JsonWriter json;
  json.field("name", bulkhead.name())
      .field("in_use", view.in_use)
      .field("waiting", view.waiting)
      .field("limit", view.limit)
      .field("tunnels", view.tunnels);
  return json.take();
}

void add_takeover(JsonWriter& json, const Context& context) {
  if (!context.takeover) {
    json.null("takeover").null("takeover_process");
    return;
  }
  const TakeoverView view = context.takeover();
  json.field("takeover", view.step);
  view.process != 0 ? json.field("takeover_process", view.process) : json.null("takeover_process");
}

}  // namespace

std::string status_json(Context& context, bool all) {
  core::Gateway& gateway = context.gateway;
  const core::RouteTable& table = *gateway.table();
  const Clock clock(context.runtime);
  std::vector<std::string> breakers, upstreams, bulkheads, rate_stores, queues;
  for (const auto& breaker : table.breakers()) {
    breakers.push_back(breaker_json(*breaker, table.judged_by(*breaker), clock));
  }
  for (const auto& [name, upstream] : table.upstreams()) upstreams.push_back(upstream_json(*upstream, clock));
  for (const auto& bulkhead : table.bulkheads()) bulkheads.push_back(bulkhead_json(*bulkhead));
  for (const auto& store : table.rate_stores()) {
    const std::string why = store->why_unavailable();
    JsonWriter shown;
    shown.field("store", store->address().shown()).field("available", store->up());
    why.empty() ? shown.null("why_unavailable") : shown.field("why_unavailable", why);
    rate_stores.push_back(shown.take());
  }
  for (auto& [name, queue] : gateway.policies().queues()) {
    if (!queue.was_in_force) continue;
    queues.push_back(queue_json(name, *queue.queue, context.bulk, clock.wall_now()));
    if (!queue.callbacks) continue;
    queues.push_back(queue_json(core::callbacks_name(name), *queue.callbacks, context.bulk, clock.wall_now()));
  }
  const ReloadReport* const last_reload = context.reloading ? context.reloading->last() : nullptr;
  JsonWriter json;
  json.field("version", context.build.version)
      .field("revision", context.build.revision)
      .field("started_at", to_rfc3339(context.started))
      .field("now", to_rfc3339(clock.wall_now()))
      .field("config", table.config().file)
      .field("draining", gateway.stopping());
  add_takeover(json, context);
  json.raw("last_reload", !last_reload ? "null"
                          : all        ? reload_json(*last_reload)
                                       : reload_result_json(*last_reload))
      .raw("breakers", json_array(breakers))
      .raw("upstreams", json_array(upstreams))
      .raw("bulkheads", json_array(bulkheads))
      .raw("rate_limit_stores", json_array(rate_stores))
      .raw("queues", json_array(queues));
  return json.take();
}

}  // namespace tidegate::admin
