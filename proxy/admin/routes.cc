#include "admin/routes.h"

#include <optional>

#include "admin/jobs_api.h"
#include "admin/pages.h"

namespace tidegate::admin {

namespace {

using Operation = JobsRequest::Operation;

template <Operation operation>
std::unique_ptr<http::Handler> jobs(Context& context, http::Responder& responder, const PathValues& values) {
  return JobsApi::make(context, responder, operation, values);
}

// clang-format off
constexpr Endpoint kEndpoints[] = {
    {"GET",    "/health",                              Access::open,      show_health},
    {"GET",    "/ready",                               Access::open,      show_readiness},
    {"GET",    "/metrics",                             Access::open,      show_metrics},
    {"GET",    "/api/status",                          Access::show,      show_status},
    {"POST",   "/api/reload",                          Access::change,    reload_config},
    {"GET",    "/api/queues",                          Access::show_jobs, jobs<Operation::list_queues>},
    {"GET",    "/api/queues/{queue}/jobs",             Access::show_jobs, jobs<Operation::list>},
    {"DELETE", "/api/queues/{queue}/jobs",             Access::change,    jobs<Operation::purge_many>},
    {"GET",    "/api/queues/{queue}/jobs/{id}",        Access::show_jobs, jobs<Operation::show>},
    {"DELETE", "/api/queues/{queue}/jobs/{id}",        Access::change,    jobs<Operation::purge>},
    {"POST",   "/api/queues/{queue}/jobs/{id}/replay", Access::change,    jobs<Operation::replay>},
    {"POST",   "/api/queues/{queue}/replay",           Access::change,    jobs<Operation::replay_many>},
    {"DELETE", "/api/queues/{queue}/replay",           Access::change,    jobs<Operation::stop_replay>},
};
// clang-format on

// Removes "/segment" from `rest` and returns the segment.
std::string_view take_segment(std::string_view& rest) {
  rest.remove_prefix(1);
  const std::string_view segment = rest.substr(0, rest.find('/'));
  rest.remove_prefix(segment.size());
  return segment;
}

std::optional<PathValues> match(std::string_view pattern, std::string_view path) {
  PathValues values;
  while (pattern.starts_with('/') && path.starts_with('/')) {
    const std::string_view expected = take_segment(pattern), segment = take_segment(path);
    if (expected == "{queue}" && !segment.empty()) values.queue = segment;
    else if (expected == "{id}" && !segment.empty()) values.id = segment;
    else if (expected != segment) return std::nullopt;
  }
  return pattern.empty() && path.empty() ? std::optional(values) : std::nullopt;
}

bool takes(const Endpoint& endpoint, std::string_view method) {
  return endpoint.method == method || (endpoint.method == "GET" && method == "HEAD");
}

}  // namespace

FoundEndpoint find_endpoint(std::string_view method, std::string_view path) {
  FoundEndpoint found;
  for (const Endpoint& endpoint : kEndpoints) {
    auto values = match(endpoint.path, path);
    if (!values) continue;
    if (takes(endpoint, method)) return {&endpoint, std::move(*values), ""};
    found.allow += (found.allow.empty() ? "" : ", ") + std::string(endpoint.method);
    if (endpoint.method == "GET") found.allow += ", HEAD";
  }
  return found;
}

}  // namespace tidegate::admin
