// What of a breaker outlives its process.
#include "core/routing/breaker_memory.h"

#include <doctest/doctest.h>

#include "core/routing/breaker_driver.h"
#include "net/sim/sim_runtime.h"
#include "support/config_builder.h"

namespace tidegate::core {

namespace {

using policy::BreakerState;
using policy::Transition;
using policy::TransitionReason;

constexpr WallTime kOpened{1'700'000'000s};

struct Notes final : jobs::NoteStore {
  const std::map<std::string, std::string>& notes() const override { return kept; }
  using NoteStore::write_note;
  void write_note(const std::string& name, const std::string& text, std::function<void()> written) override {
    if (text.empty()) {
      kept.erase(name);
    } else {
      kept[name] = text;
    }
    if (written) waiting.push_back(std::move(written));
    if (!slow) sync();
  }
  void sync() {
    for (const auto& written : std::exchange(waiting, {})) written();
  }
  std::map<std::string, std::string> kept;
  bool slow = false;
  std::vector<std::function<void()>> waiting;
};

Transition opened() {
  return {Time{},
          BreakerState::half_open,
          BreakerState::open,
          TransitionReason::probe_failed,
          40s,
          2,
          "probe: 503",
          policy::Outage{Time{} - 70s, "5 consecutive failures"}};
}

Transition moved_to(BreakerState state) {
  return {Time{}, BreakerState::open, state, TransitionReason::open_for_elapsed, {}, 2, "", {}};
}

// A process: its breaker, and what drives and remembers it.
struct Process {
  explicit Process(Notes& notes) : memory({&notes}) { driver.add("b", breaker); }
  ~Process() { driver.stop(); }  // while the breaker exists, as Gateway does: one that has ended is forgotten

  BreakerState state() const { return breaker->view(runtime.now()).state; }

  net::SimRuntime runtime{1};
  std::unique_ptr<metrics::Metrics> metrics =
      metrics::Metrics::make(*test::load_config(test::ConfigBuilder()
                                                    .upstream("b", "endpoints: ['http://10.0.0.2:3001'], breaker: {}")
                                                    .route("r", "match: {path: /*}, upstream: b")),
                             "1", "test");
  BreakerMemory memory;
  BreakerDriver driver{runtime, *metrics, memory};
  std::shared_ptr<policy::Breaker> breaker =
      std::make_shared<policy::Breaker>("b", policy::BreakerConfig{}, runtime.now(), 1);
};

}  // namespace

TEST_CASE("an open breaker is remembered with what is left of open_for, why, and how many probes had failed") {
  Notes notes;
  BreakerMemory memory({&notes});
  memory.note("b", opened(), kOpened);
  const auto open = memory.recall("b", kOpened + 15s);
  REQUIRE(open.has_value());
  CHECK(open->left == 25s);
  CHECK(open->failed_probes == 2);
  CHECK(open->why == "probe: 503");
  CHECK(open->outage_age == 85s);
  CHECK(open->cause == "5 consecutive failures");
  CHECK(memory.recall("b", kOpened + 1h)->left == 0s);
  CHECK_FALSE(memory.recall("another", kOpened).has_value());
}

TEST_CASE("a half-open breaker is still remembered as open, a closed or forced one is not") {
  Notes notes;
  BreakerMemory memory({&notes});
  memory.note("b", opened(), kOpened);
  memory.note("b", moved_to(BreakerState::half_open), kOpened + 40s);
  CHECK(memory.recall("b", kOpened + 40s).has_value());
  for (const auto state : {BreakerState::closed, BreakerState::forced_open, BreakerState::forced_closed}) {
    memory.note("b", opened(), kOpened);
    memory.note("b", moved_to(state), kOpened + 41s);
    CHECK_FALSE(memory.recall("b", kOpened + 41s).has_value());
  }
}

TEST_CASE("a note that is not legible is no memory") {
  Notes notes;
  BreakerMemory memory({&notes});
  for (const char* text : {"", "{", "[]", "7", "{}", R"({"open_until_ns":"soon","failed_probes":0,"why":""})",
                           R"({"open_until_ns":1,"failed_probes":0})"}) {
    CAPTURE(text);
    notes.kept["b"] = text;
    CHECK_FALSE(memory.recall("b", kOpened).has_value());
  }
  notes.kept["b"] = R"({"open_until_ns":1,"failed_probes":-3,"why":"x"})";
  CHECK(memory.recall("b", kOpened)->failed_probes == 0);
  CHECK(memory.recall("b", kOpened)->outage_age == 0s);  // a version before outages were noted
  CHECK(memory.recall("b", kOpened)->cause == "x");
}

TEST_CASE("what is remembered moves where the store in use is removed: it is erased once the other one has it") {
  Notes notes, others;
  notes.kept["body_files"] = "7";  // the store's own
  BreakerMemory memory({&notes});
  memory.note("a", opened(), kOpened);
  memory.note("b", opened(), kOpened);
  memory.note("b", moved_to(BreakerState::closed), kOpened + 41s);
  const std::string text = notes.kept.at("a");
  others.slow = true;
  auto use = std::make_shared<int>();
  const std::weak_ptr<int> used = use;
  memory.use({&others}, std::exchange(use, nullptr));
  CHECK(notes.kept.contains("a"));  // a process that is killed now has it
  CHECK_FALSE(used.expired());
  others.sync();
  CHECK(others.kept == std::map<std::string, std::string>{{"a", text}});
  CHECK(notes.kept == std::map<std::string, std::string>{{"body_files", "7"}});
  CHECK(used.expired());
  memory.use({}, nullptr);
  CHECK(others.kept.empty());
  memory.use({&notes}, nullptr);
  CHECK(notes.kept.at("a") == text);
}

TEST_CASE("what is remembered stays where it is as long as its store is there, whichever else comes") {
  Notes notes, first;
  BreakerMemory memory({&notes});
  memory.note("a", opened(), kOpened);
  memory.use({&first, &notes}, nullptr);
  CHECK(first.kept.empty());
  CHECK(notes.kept.contains("a"));
  memory.note("b", opened(), kOpened);
  CHECK(notes.kept.contains("b"));
  CHECK(BreakerMemory({&first, &notes}).recall("a", kOpened).has_value());  // the next process
}

TEST_CASE("of a note that two stores have, the later one counts, and none is left when the breaker closes") {
  Notes before, after;
  BreakerMemory({&before}).note("a", opened(), kOpened);
  BreakerMemory({&after}).note("a", opened(), kOpened + 10s);
  for (const auto& stores : {BreakerMemory::Stores{&before, &after}, BreakerMemory::Stores{&after, &before}}) {
    CHECK(BreakerMemory(stores).recall("a", kOpened + 10s)->left == 40s);
  }
  BreakerMemory memory({&before, &after});
  memory.recall("a", kOpened + 10s);
  memory.note("a", moved_to(BreakerState::closed), kOpened + 41s);
  CHECK(before.kept.empty());
  CHECK(after.kept.empty());
}

TEST_CASE("a note that a process has found moves too") {
  Notes notes, others;
  BreakerMemory({&notes}).note("a", opened(), kOpened);
  BreakerMemory after({&notes});
  REQUIRE(after.recall("a", kOpened).has_value());
  after.use({&others}, nullptr);
  CHECK(others.kept.contains("a"));
}

TEST_CASE("a note that was found in a queue that is not the one in use is in that one too") {
  Notes in_use, other;
  BreakerMemory({&other}).note("a", opened(), kOpened);
  BreakerMemory after({&in_use, &other});
  REQUIRE(after.recall("a", kOpened).has_value());
  CHECK(in_use.kept.contains("a"));
  CHECK(BreakerMemory({&in_use}).recall("a", kOpened).has_value());  // the other is removed
}

TEST_CASE("without a store nothing is remembered") {
  BreakerMemory memory{BreakerMemory::Stores{}};
  memory.note("b", opened(), kOpened);
  CHECK_FALSE(memory.recall("b", kOpened).has_value());
}

TEST_CASE("the process after one that ended with an open breaker begins with it open, until a probe succeeds") {
  Notes notes;
  {
    Process before(notes);
    for (int i = 0; i < 5; ++i) {
      before.breaker->acquire(before.runtime.now()).permit.report(policy::Verdict::failure, before.runtime.now());
    }
    before.runtime.run_for(10s);
  }
  Process after(notes);
  REQUIRE(after.state() == BreakerState::open);
  after.runtime.run_for(1s);  // announced, and noted again
  CHECK(after.metrics->render().find("reason=\"restored\",to=\"open\"} 1") != std::string::npos);
  after.runtime.run_for(30s);
  REQUIRE(after.state() == BreakerState::half_open);
  after.breaker->acquire(after.runtime.now()).permit.report(policy::Verdict::success, after.runtime.now());
  after.runtime.run_for(1s);
  CHECK(notes.kept.empty());
  CHECK(Process(notes).state() == BreakerState::closed);
}

}  // namespace tidegate::core
