// The endpoints that have nothing to do with jobs: /health, /ready, /metrics, /api/status and /api/reload.
#pragma once

#include <memory>

#include "admin/context.h"
#include "admin/routes.h"

namespace tidegate::admin {

// The process is alive.
std::unique_ptr<http::Handler> show_health(Context& context, http::Responder& responder, const PathValues& values);
// The process accepts requests and jobs: 503 while it drains or a queue cannot store jobs.
std::unique_ptr<http::Handler> show_readiness(Context& context, http::Responder& responder, const PathValues& values);
std::unique_ptr<http::Handler> show_metrics(Context& context, http::Responder& responder, const PathValues& values);
std::unique_ptr<http::Handler> show_status(Context& context, http::Responder& responder, const PathValues& values);
// Loads the configuration again and responds when that has ended.
std::unique_ptr<http::Handler> reload_config(Context& context, http::Responder& responder, const PathValues& values);

}  // namespace tidegate::admin
