// Every response case of shared/cases through a whole gateway: whole, byte by byte and cut at every offset, on a new
// connection to the upstream and on one that has served before.
#include <algorithm>

#include "loopback/cases/response_run.h"

namespace tidegate::loopback {

namespace {

using Responses = std::vector<test::ResponseCase>;

// A longer response is cut at no single offset: its length, not its structure, is what the case is about.
constexpr size_t kResponseCutsMax = 512;

const std::map<Road, size_t> kResponseRoads = {{Road::usual, 24},    {Road::streaming, 24}, {Road::hasty, 4},
                                               {Road::impatient, 2}, {Road::refused, 1},    {Road::blackhole, 1}};

// Where Tidegate does something else that the case permits (`ok`): a connection that is not made in time is a
// connect_failure, as one that is refused, and that is 502 whoever's time is over.
const std::map<std::string, std::string> kOtherwise = {{"UT-005", "502"}};

Responses load_responses() {
  Responses cases = test::load_response_cases();
  for (test::ResponseCase& one : cases) {
    if (const auto found = kOtherwise.find(one.id); found != kOtherwise.end()) one.expect = found->second;
  }
  return cases;
}

bool takes_time(const test::UpstreamStep& step) { return step.gap > Duration{}; }

std::vector<Road> roads_of_response(const test::ResponseCase& one) {
  if (one.steps[0].kind == StepKind::refuse) return {Road::refused};
  if (one.steps[0].kind == StepKind::blackhole) return {Road::blackhole};
  if (takes_too_long(one.steps[0])) return {Road::impatient};
  if (std::any_of(one.steps.begin(), one.steps.end(), takes_too_long)) return {Road::hasty};
  return {Road::usual, Road::streaming};
}

std::vector<Task> response_tasks(const Responses& cases) {
  std::vector<Task> tasks;
  for (const test::ResponseCase& one : cases) {
    const bool is_timed = std::any_of(one.steps.begin(), one.steps.end(), takes_time);
    const bool is_cut = !is_timed && one.raw.size() > 1 && one.raw.size() <= kResponseCutsMax;
    for (const Road road : roads_of_response(one)) {
      for (const Takes takes : {Takes::new_connection, Takes::kept_connection}) {
        tasks.push_back(response_task(one, road, "whole", {}, takes));
        if (is_cut) tasks.push_back(response_task(one, road, "bytewise", every_byte(one.raw.size()), takes));
      }
    }
    if (!is_cut) continue;
    for (const size_t at : every_byte(one.raw.size())) {
      const Road road = roads_of_response(one).back();
      tasks.push_back(response_task(one, road, "cut at " + std::to_string(at), {at}, Takes::kept_connection));
    }
  }
  return tasks;
}

}  // namespace

TEST_CASE("every response case becomes what it should, however its bytes are cut, and nothing of it comes later") {
  const Responses cases = load_responses();
  if (cases.empty()) {
    MESSAGE("shared/cases/http1_responses.json is absent: skipped");
    return;
  }
  Lanes lanes(kResponseRoads);
  lanes.run(response_tasks(cases));
}

}  // namespace tidegate::loopback
