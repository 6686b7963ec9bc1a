#include "loopback/own_responses.h"

namespace tidegate::loopback {

namespace {

void check_problem(const Reply& reply, const Expected& expected) {
  CHECK(reply.field("content-type") == "application/problem+json");
  const nlohmann::json problem = reply.json();
  CHECK(problem.at("status") == expected.status);
  CHECK(problem.at("reason") == expected.reason);
  CHECK_FALSE(problem.at("type").get<std::string>().empty());
  CHECK_FALSE(problem.at("title").get<std::string>().empty());
  CHECK_FALSE(problem.at("detail").get<std::string>().empty());
  CHECK(problem.at("instance") == reply.field("x-request-id"));
}

}  // namespace

void check_own_response(Fixture& fixture, const Reply& reply, const Expected& expected) {
  REQUIRE(reply.whole);
  CHECK(reply.status == expected.status);
  check_problem(reply, expected);
  CHECK(reply.field("x-request-id").size() == 32);
  CHECK(reply.field("proxy-status").starts_with("tidegate"));
  CHECK(reply.field("proxy-status").find('"' + expected.reason + '"') != std::string::npos);
  CHECK(reply.count("retry-after") == (expected.retry_after ? 1 : 0));
  if (expected.retry_after) CHECK(std::stoi(reply.field("retry-after")) >= 1);

  const auto lines = fixture.logged(expected.reason);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].at("code") == expected.status);
  CHECK(lines[0].at("request_id") == reply.field("x-request-id"));
  CHECK(lines[0].value("route", "") == expected.route);
  CHECK(fixture.metric("tidegate_http_requests_total",
                       {"route=\"" + expected.route + '"', "code=\"" + std::to_string(expected.status) + '"',
                        "outcome=\"" + expected.reason + '"', "method=\"" + expected.method + '"'}) == 1);
  CHECK(fixture.metric("tidegate_http_requests_total", {"outcome=\"" + expected.reason + '"'}) == 1);
  CHECK(fixture.metric("tidegate_http_requests_in_flight") == 0);
}

}  // namespace tidegate::loopback
