#include "admin/guard.h"

#include "base/ip.h"
#include "base/keyed_hash.h"
#include "base/log.h"
#include "http/message/origin.h"
#include "http/message/problem.h"

namespace tidegate::admin {

namespace {

// A page of another site can make its own name resolve to this machine; then its Origin equals its Host.
bool is_asked_by_address(std::string_view authority) {
  const size_t port = authority.rfind(':');
  const bool has_port = port != std::string_view::npos && authority.find(']', port) == std::string_view::npos;
  std::string_view host = has_port ? authority.substr(0, port) : authority;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return http::iequals(host, "localhost") || IpAddress::parse(host).has_value();
}

bool knows_token(const http::RequestHead& head, std::string_view token) {
  constexpr std::string_view kScheme = "Bearer ";
  const auto given = head.fields.find("authorization");
  return head.fields.count("authorization") == 1 && given->size() > kScheme.size() &&
         http::iequals(given->substr(0, kScheme.size()), kScheme) &&
         equal_in_constant_time(given->substr(kScheme.size()), token);
}

}  // namespace

std::optional<Refused> refuse_mutation(const http::RequestHead& head, const config::Admin& admin) {
  if (http::is_from_another_site(head)) {
    return Refused{403, "cross_site", "Pages of other sites cannot change anything over this interface.", ""};
  }
  if (admin.token.empty() && head.fields.find("origin") && !is_asked_by_address(head.authority)) {
    return Refused{403, "cross_site",
                   "Without an admin token, a page can change something only if it was opened by address or as "
                   "localhost.",
                   ""};
  }
  if (!admin.token.empty() && !knows_token(head, admin.token)) {
    return Refused{401, "unauthorized", "This requires the admin token, as `Authorization: Bearer TOKEN`.",
                   "WWW-Authenticate: Bearer realm=\"tidegate\"\r\n"};
  }
  if (admin.read_only) {
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
  responder.respond(refused.status, http::kProblemContentType, http::problem_json(problem),
                    refused.fields + "Cache-Control: no-store\r\nX-Request-Id: " + request_id + "\r\n");
}

void log_refused(http::Responder& responder, const Refused& refused) {
  log_warn("operator_refused", {{"method", responder.request().method},
                                {"path", responder.request().path},
                                {"peer", responder.peer().to_string()},
                                {"reason", refused.reason}});
}

}  // namespace tidegate::admin
