#include "admin/pages.h"

#include "admin/gauges.h"
#include "admin/status.h"
#include "base/json_writer.h"

namespace tidegate::admin {

namespace {

constexpr std::string_view kJson = "application/json";

}  // namespace

std::unique_ptr<http::Handler> show_health(Context&, http::Responder& responder, const PathValues&) {
  responder.respond(200, kJson, R"({"status":"ok"})", kNoStore);
  return nullptr;
}

// A failing upstream or an open breaker does not make Tidegate unready: handling that is its purpose. Neither does an
// unavailable rate limit store, even if the route then denies: all replicas would become unready at once, and their
// other routes with them.
std::unique_ptr<http::Handler> show_readiness(Context& context, http::Responder& responder, const PathValues&) {
  JsonWriter failed;
  bool ready = true;
  if (context.gateway.draining()) {
    failed.field("draining", "the proxy is shutting down");
    ready = false;
  }
  for (auto& [name, queue] : context.gateway.policies().queues()) {
    const jobs::QueueView view = queue.queue->view();
    if (view.available) continue;
    failed.field("queue " + name, view.why_unavailable);
    ready = false;
  }
  if (ready) {
    responder.respond(200, kJson, R"({"status":"ready"})", kNoStore);
  } else {
    JsonWriter json;
    json.field("status", "not ready").raw("failed", failed.take());
    responder.respond(503, kJson, json.take(), kNoStore);
  }
  return nullptr;
}

std::unique_ptr<http::Handler> show_metrics(Context& context, http::Responder& responder, const PathValues&) {
  set_gauges(context.gateway, context.runtime);
  responder.respond(200, "text/plain; version=0.0.4; charset=utf-8", context.gateway.metrics().render(), kNoStore);
  return nullptr;
}

std::unique_ptr<http::Handler> show_status(Context& context, http::Responder& responder, const PathValues&) {
  responder.respond(200, kJson, status_json(context), kNoStore);
  return nullptr;
}

}  // namespace tidegate::admin
