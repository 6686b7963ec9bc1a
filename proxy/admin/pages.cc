#include "admin/pages.h"

#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "admin/gauges.h"
#include "admin/queue_json.h"
#include "admin/respond.h"
#include "admin/status.h"
#include "base/json_writer.h"

namespace tidegate::admin {

std::unique_ptr<http::Handler> show_health(Context&, http::Responder& responder, const PathValues&) {
  respond_json(responder, 200, R"({"status":"ok"})");
  return nullptr;
}

namespace {

// What /ready says of the queues: those that take no jobs, and what else an operator should know.
struct QueuesReport {
  JsonWriter failed, warnings;
  bool ready = true;
  bool warned = false;

  void fail(const std::string& what, const std::string& why) {
    failed.field(what, why);
    ready = false;
  }
  void warn(const std::string& what, const std::string& why) {
    warnings.field(what, why);
    warned = true;
  }
  void add(const std::string& name, const jobs::QueueView& view) {
    if (!view.available) fail("queue " + name, view.why_unavailable);
    const std::vector<std::string> more = warnings_of(view);
    if (!more.empty()) warn("queue " + name, fmt::format("{}", fmt::join(more, "; ")));
  }
};

}  // namespace

// A failing upstream or an open breaker does not make Tidegate unready: handling that is its purpose. Neither does an
// unavailable rate limit store, even if the route then denies: all replicas would become unready at once, and their
// other routes with them.
std::unique_ptr<http::Handler> show_readiness(Context& context, http::Responder& responder, const PathValues&) {
  QueuesReport report;
  if (context.gateway.stopping()) report.fail("draining", "the proxy is shutting down");
  for (const auto& [name, state] : context.gateway.table()->queues()) {
    const core::QueueState& queue = *state;
    report.add(name, queue.queue->view());
    if (!queue.callbacks) continue;
    // Without their store jobs are taken and run all the same, but nobody is notified.
    const jobs::QueueView callbacks = queue.callbacks->view();
    if (!callbacks.available) report.warn("callbacks of queue " + name, callbacks.why_unavailable);
  }
  JsonWriter json;
  json.field("status", report.ready ? "ready" : "not ready");
  if (!report.ready) json.raw("failed", report.failed.take());
  if (report.warned) json.raw("warnings", report.warnings.take());
  respond_json(responder, report.ready ? 200 : 503, json.take());
  return nullptr;
}

std::unique_ptr<http::Handler> show_metrics(Context& context, http::Responder& responder, const PathValues&) {
  set_gauges(context.gateway, context.runtime);
  responder.respond(200, "text/plain; version=0.0.4; charset=utf-8", context.gateway.metrics().render(), kNoStore);
  return nullptr;
}

std::unique_ptr<http::Handler> show_status(Context& context, http::Responder& responder, const PathValues&) {
  const config::Admin& admin = context.gateway.table()->config().admin;
  const bool all = !refuse_access(responder.request(), Access::show_jobs, admin);
  respond_json(responder, 200, status_json(context, all));
  return nullptr;
}

}  // namespace tidegate::admin
