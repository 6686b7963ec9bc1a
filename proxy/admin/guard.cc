#include "admin/guard.h"

#include <algorithm>
#include <vector>

#include "base/host_name.h"
#include "base/ip.h"
#include "base/keyed_hash.h"
#include "base/log.h"
#include "http/message/origin.h"
#include "http/message/problem.h"

namespace tidegate::admin {

namespace {

// The authority without port, brackets and the dot at the end of an absolute name.
std::string_view host_of(std::string_view authority) {
  std::string_view host = without_port(authority);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return without_final_dot(host);
}

bool is_own_host(std::string_view authority, const std::vector<std::string>& names) {
  const std::string_view host = host_of(authority);
  if (http::iequals(host, "localhost") || IpAddress::parse(host)) return true;
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) { return http::iequals(host, name); });
}

bool knows_token(const http::RequestHead& head, std::string_view token) {
  constexpr std::string_view kScheme = "Bearer ";
  const auto given = head.fields.find("authorization");
  return head.fields.count("authorization") == 1 && given->size() > kScheme.size() &&
         http::iequals(given->substr(0, kScheme.size()), kScheme) &&
         equal_in_constant_time(given->substr(kScheme.size()), token);
}

}  // namespace

std::optional<Refused> refuse_access(const http::RequestHead& head, Access access, const config::Admin& admin) {
  if (access == Access::open) return std::nullopt;
  if (access == Access::change && http::is_from_another_site(head)) {
    return Refused{403, "cross_site", "Pages of other sites cannot change anything over this interface.", ""};
  }
  const bool has_token = !admin.token.empty() && knows_token(head, admin.token);
  if (!has_token && !is_own_host(head.authority, admin.hosts)) {
    return Refused{
        421, "foreign_host",
        "Without the admin token, this is available by IP address, as localhost, or by a name in admin.hosts.", ""};
  }
  if (access == Access::show) return std::nullopt;
  if (!admin.token.empty() && !has_token) {
    return Refused{401, "unauthorized", "This requires the admin token, as `Authorization: Bearer TOKEN`.",
                   "WWW-Authenticate: Bearer realm=\"tidegate\"\r\n"};
  }
  if (access == Access::change && admin.read_only) {
    return Refused{403, "read_only", "This interface is read-only: admin.read_only is true.", ""};
  }
  return std::nullopt;
}

void send_refusal(http::Responder& responder, const Refused& refused) {
  const std::string request_id = to_hex(responder.runtime().random_id());
  http::Problem problem;
  problem.status = refused.status;
  problem.reason = refused.reason;
  problem.detail = refused.detail;
  problem.instance = request_id;
  responder.respond(refused.status, http::kProblemContentType, http::problem_json(problem) + "\n",
                    refused.fields + "Cache-Control: no-store\r\nX-Request-Id: " + request_id + "\r\n");
}

void log_refused(http::Responder& responder, const Refused& refused) {
  log_warn("operator_refused", {{"method", responder.request().method},
                                {"path", responder.request().path},
                                {"peer", responder.peer().to_string()},
                                {"reason", refused.reason}});
}

}  // namespace tidegate::admin
