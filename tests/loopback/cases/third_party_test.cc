// What others have collected against HTTP servers, sent to a gateway: it is refused, or what reaches the upstream is
// canonical and as much as the bytes hold by the letter. And what they have collected against clients, as responses.
#include <algorithm>

#include "loopback/cases/request_run.h"
#include "loopback/cases/response_run.h"

namespace tidegate::loopback {

namespace {

constexpr size_t kPayloadBytewiseMax = 4096;

// By a literal reading of the bytes; where that finds nothing, one request may still be what a lenient reading finds.
size_t requests_in(const std::string& raw) {
  StrictReader reader(StrictReader::Kind::requests);
  reader.read(raw);
  return std::max<size_t>(1, reader.complete());
}

std::vector<test::RequestCase> third_party_cases() {
  std::vector<test::RequestCase> cases;
  for (const test::Payload& payload : test::load_third_party_payloads()) {
    test::RequestCase& one = cases.emplace_back();
    one.id = payload.id;
    one.raw = payload.raw;
    one.expect = kAnyVerdict;
    one.mode = kEofAfterResponse;
    one.upstream_max_requests = requests_in(payload.raw);
  }
  return cases;
}

std::vector<test::ResponseCase> third_party_responses() {
  std::vector<test::ResponseCase> cases;
  for (const test::Payload& payload : test::load_third_party_payloads()) {
    if (!payload.is_response) continue;
    test::ResponseCase& one = cases.emplace_back();
    one.id = payload.id;
    one.raw = payload.raw;
    one.method = "GET";
    one.expect = kAnyResponse;
    one.steps = {{StepKind::send, payload.raw}, {StepKind::close}};
    one.ends = true;
    one.must_not_reuse = true;
  }
  return cases;
}

}  // namespace

TEST_CASE("what others have collected is refused, or reaches the upstream as the one canonical request that it is") {
  const std::vector<test::RequestCase> cases = third_party_cases();
  if (cases.empty()) {
    MESSAGE("shared/cases/third_party is absent: skipped");
    return;
  }
  Lanes lanes({{Road::usual, 24}, {Road::streaming, 24}});
  std::vector<Task> tasks;
  for (const test::RequestCase& one : cases) {
    tasks.push_back(request_task(one, Road::usual, "whole", {}));
    if (one.raw.size() > kPayloadBytewiseMax) continue;
    tasks.push_back(request_task(one, Road::streaming, "bytewise", every_byte(one.raw.size())));
  }
  lanes.run(std::move(tasks));
}

TEST_CASE("what others have collected as responses reaches the client as a valid one, or visibly cut off") {
  const std::vector<test::ResponseCase> cases = third_party_responses();
  if (cases.empty()) {
    MESSAGE("shared/cases/third_party is absent: skipped");
    return;
  }
  Lanes lanes({{Road::usual, 16}, {Road::streaming, 16}});
  std::vector<Task> tasks;
  for (const test::ResponseCase& one : cases) {
    tasks.push_back(response_task(one, Road::usual, "whole", {}, Takes::kept_connection));
    tasks.push_back(response_task(one, Road::streaming, "bytewise", every_byte(one.raw.size()), Takes::new_connection));
  }
  lanes.run(std::move(tasks));
}

}  // namespace tidegate::loopback
