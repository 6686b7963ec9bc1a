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
    tasks.push_back({Road::tls, one.id, [&one](Lane& lane, net::Runtime&) {
                       return std::make_unique<RequestRun>(lane, one, Cuts{}, nullptr);
                     }});
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
    const auto has_no_place = [](const test::UpstreamStep& step) {
      return step.gap * step.times > 10s || step.kind == StepKind::refuse || step.kind == StepKind::blackhole;
    };
    if (std::any_of(one.steps.begin(), one.steps.end(), has_no_place)) continue;
    for (const Takes takes : {Takes::new_connection, Takes::kept_connection}) {
      const std::string name = one.id + (takes == Takes::kept_connection ? " kept" : "");
      tasks.push_back({Road::tls, name, [&one, takes](Lane& lane, net::Runtime&) {
                         return std::make_unique<ResponseRun>(lane, one, Cuts{}, takes);
                       }});
    }
  }
  lanes.run(std::move(tasks));
}

}  // namespace tidegate::loopback
