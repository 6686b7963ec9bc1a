// The cases through a gateway that speaks TLS on both sides.
#include <algorithm>

#include "loopback/cases/request_run.h"
#include "loopback/cases/response_run.h"

namespace tidegate::loopback {

namespace {

constexpr size_t kTlsLanes = 24;

}  // namespace

TEST_CASE("every request case is judged over TLS as without") {
  const std::vector<test::RequestCase> cases = test::load_request_cases();
  if (cases.empty()) {
    MESSAGE("shared/cases/http1_requests.json is absent: skipped");
    return;
  }
  Lanes lanes({{Road::tls, kTlsLanes}});
  std::vector<Task> tasks;
  for (const test::RequestCase& one : cases) {
    if (!one.precondition.empty() || one.mode.starts_with("timeout")) continue;
    tasks.push_back(request_task(one, Road::tls, "whole", {}));
  }
  lanes.run(std::move(tasks));
}

TEST_CASE("every response case becomes over TLS what it becomes without") {
  const std::vector<test::ResponseCase> cases = test::load_response_cases();
  if (cases.empty()) {
    MESSAGE("shared/cases/http1_responses.json is absent: skipped");
    return;
  }
  Lanes lanes({{Road::tls, kTlsLanes}});
  std::vector<Task> tasks;
  for (const test::ResponseCase& one : cases) {
    if (is_connection_impossible(one) || std::any_of(one.steps.begin(), one.steps.end(), takes_too_long)) continue;
    for (const Takes takes : {Takes::new_connection, Takes::kept_connection}) {
      tasks.push_back(response_task(one, Road::tls, "whole", {}, takes));
    }
  }
  lanes.run(std::move(tasks));
}

}  // namespace tidegate::loopback
