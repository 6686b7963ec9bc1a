// Every request case of shared/cases through a whole gateway: whole, byte by byte and cut at every offset; and each
// valid one right before each other on one connection.
#include "loopback/cases/request_run.h"

namespace tidegate::loopback {

namespace {

using Cases = std::vector<test::RequestCase>;

// A longer message is cut at no single offset: its length, not its structure, is what the case is about.
constexpr size_t kCutEverywhereMax = 512;
constexpr size_t kBytewiseMax = 12'000;

const std::map<Road, size_t> kRoads = {{Road::usual, 24}, {Road::streaming, 24}, {Road::hasty, 96}, {Road::limited, 1},
                                       {Road::down, 4},   {Road::narrow, 1},     {Road::mixed, 2},  {Road::small, 2}};

const std::map<std::string, Road> kPreconditions = {
    {"peer is over its rate limit", Road::limited},
    {"upstream down, fallback route", Road::down},
    {"body limit 1 MiB", Road::small},
    {"upstream down, fallback route, record limit 64 KiB", Road::narrow},
    {"route /t falls back, /t1 /t2 pass", Road::mixed}};

std::vector<Road> roads_of(const test::RequestCase& one) {
  if (!one.precondition.empty()) return {kPreconditions.at(one.precondition)};
  if (one.mode.starts_with("timeout")) return {Road::hasty};
  return {Road::usual, Road::streaming};
}

// What each way of sending a case came to; all must agree.
using Verdicts = std::map<std::string, std::map<std::string, std::string>>;  // by case, by way

void add_tasks(const test::RequestCase& one, Road road, std::vector<Task>& tasks, Verdicts& verdicts) {
  const std::string how = road == Road::streaming ? ", streamed" : "";
  const auto add = [&](const std::string& way, Cuts cuts, bool compared) {
    std::string* verdict = compared ? &verdicts[one.id][way + how] : nullptr;
    tasks.push_back(request_task(one, road, way + how, std::move(cuts), verdict));
  };
  add("whole", {}, true);
  // A loaded machine may be slower, byte by byte, than a short time-out: then that decides, as it does for silence.
  const bool may_time_out = road == Road::hasty;
  const bool goes_bytewise = one.raw.size() <= kBytewiseMax && !(may_time_out && one.expect == "accept");
  if (goes_bytewise) add("bytewise", every_byte(one.raw.size()), !may_time_out);
  if (one.raw.size() > kCutEverywhereMax || road == Road::usual) return;
  for (const size_t at : every_byte(one.raw.size())) add("cut at " + std::to_string(at), {at}, true);
}

std::vector<Task> tasks_of(const Cases& cases, Verdicts& verdicts) {
  std::vector<Task> tasks;
  for (const test::RequestCase& one : cases) {
    for (const Road road : roads_of(one)) add_tasks(one, road, tasks, verdicts);
  }
  return tasks;
}

// The first request to it takes the one token there is.
void exceed_rate_limit(Lanes& lanes) {
  test::RequestCase first;
  first.id = "the first";
  first.raw = "GET /t HTTP/1.1\r\nHost: example.test\r\n\r\n";
  first.expect = "accept";
  first.mode = "normal";
  first.upstream_max_requests = 1;
  lanes.run({request_task(first, Road::limited, "whole", {})});
}

void check_agreement(const Verdicts& verdicts) {
  for (const auto& [id, ways] : verdicts) {
    for (const auto& [way, verdict] : ways) {
      if (verdict == ways.at("whole")) continue;
      FAIL_CHECK(id << " " << way << ":\n" << verdict << "\nbut whole:\n" << ways.at("whole"));
      break;
    }
  }
}

// What the queue holds is what got a 202: LR-004's body of 46 bytes, LR-010's of 5, and nothing of the others.
void check_queue(Fixture& fixture, const Verdicts& verdicts) {
  const std::map<std::string, size_t> bodies = {{"LR-004", 46}, {"LR-010", 5}};
  size_t jobs = 0;
  size_t bytes = 0;
  for (const auto& [id, size] : bodies) {
    if (!verdicts.contains(id)) continue;
    jobs += verdicts.at(id).size();
    bytes += verdicts.at(id).size() * size;
  }
  CHECK(fixture.metric("tidegate_queue_depth", {"jobs"}) == jobs);
  CHECK(fixture.metric("tidegate_queue_bytes", {"jobs"}) == bytes);
}

// Whole and short, and nothing in it ends the connection.
bool can_be_followed(const test::RequestCase& one) {
  const bool is_plain = one.mode == "normal" && one.precondition.empty() && one.raw.size() <= kCutEverywhereMax;
  return one.expect.starts_with("accept") && is_plain && !one.must_close && one.raw.find("lose") == std::string::npos;
}

test::RequestCase pair_of(const test::RequestCase& first, const test::RequestCase& second) {
  test::RequestCase both;
  both.id = first.id + " then " + second.id;
  both.raw = first.raw + second.raw;
  both.expect = "accept";
  both.mode = "normal";
  both.upstream_max_requests = first.upstream_max_requests + second.upstream_max_requests;
  both.responses = both.upstream_max_requests;
  return both;
}

Cases pairs_of(const Cases& cases) {
  Cases pairs;
  for (const test::RequestCase& first : cases) {
    if (!can_be_followed(first)) continue;
    for (const test::RequestCase& second : cases) {
      if (can_be_followed(second)) pairs.push_back(pair_of(first, second));
    }
  }
  return pairs;
}

}  // namespace

TEST_CASE("every request case is judged as it expects, however its bytes are cut") {
  const Cases cases = test::load_request_cases();
  if (cases.empty()) {
    MESSAGE("shared/cases/http1_requests.json is absent: skipped");
    return;
  }
  Lanes lanes(kRoads);
  exceed_rate_limit(lanes);
  Verdicts verdicts;
  lanes.run(tasks_of(cases, verdicts));
  check_agreement(verdicts);
  check_queue(lanes.fixture(), verdicts);
}

TEST_CASE("each valid request case is served behind each other, on one connection and sent as one") {
  const Cases pairs = pairs_of(test::load_request_cases());
  if (pairs.empty()) {
    MESSAGE("shared/cases/http1_requests.json is absent: skipped");
    return;
  }
  Lanes lanes({{Road::usual, 32}});
  std::vector<Task> tasks;
  for (const test::RequestCase& both : pairs) tasks.push_back(request_task(both, Road::usual, "whole", {}));
  lanes.run(std::move(tasks));
}

}  // namespace tidegate::loopback
