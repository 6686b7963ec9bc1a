// When a queue that a reload has removed is closed, and what may be opened meanwhile; on virtual time.
#include "cli/reload/removed_queues.h"

#include <doctest/doctest.h>

#include <utility>

#include "cli/reload/checks.h"
#include "jobs/sim/queue.h"
#include "net/sim/sim_runtime.h"
#include "support/config_builder.h"
#include "unit/jobs/spool/flaky_queue.h"

namespace tidegate::cli {

namespace {

using Mood = jobs::FlakyQueue::Mood;
using Names = std::vector<std::string>;

test::ConfigBuilder plain() {
  return test::ConfigBuilder()
      .upstream("up", "endpoints: ['http://10.0.0.2:3001']")
      .route("all", "match: {path: /*}, upstream: up");
}

// The queue `more`, which a reload has removed.
struct RemovedFixture {
  RemovedFixture() { policies.take_appends_of(*test::load_config(plain())); }

  core::QueueState& more() { return policies.queues().at("more"); }
  bool takes_jobs() { return static_cast<bool>(core::AppendPermit(more())); }
  bool close_unused() {
    return removed.close_unused([this] { ++done; });
  }
  void end_replayers() {
    for (const auto& forgotten : std::exchange(forgetting, {})) forgotten();
    runtime.run_for(1s);
  }

  std::shared_ptr<const config::Config> config =
      test::load_config(plain().queue("more", "url: 'sqlite:///tmp/more.db'"));
  std::unique_ptr<metrics::Metrics> metrics = metrics::Metrics::make(*config, "1", "test");
  net::SimRuntime runtime{1};
  std::unique_ptr<jobs::SimQueue> made = jobs::SimQueue::make(runtime, {}, 1);
  jobs::SimQueue& jobs = *made;
  std::shared_ptr<jobs::FlakyQueue> store = std::make_shared<jobs::FlakyQueue>(std::move(made));
  core::Policies policies{runtime, *metrics, {{"more", store}}, {}, 1, {}};
  std::vector<std::function<void()>> forgetting;
  Names closed;
  int looks = 0, done = 0;
  RemovedQueues removed{
      runtime,
      policies,
      {[this](const std::string&, std::function<void()> forgotten) { forgetting.push_back(std::move(forgotten)); },
       [this](const std::string& queue) { closed.push_back(queue); }, [this] { ++looks; }}};
};

}  // namespace

TEST_CASE("a removed queue that nobody uses is closed, once its replayer has ended") {
  RemovedFixture fixture;
  REQUIRE(fixture.close_unused());
  fixture.runtime.run_for(1s);
  CHECK(fixture.closed.empty());
  CHECK(fixture.removed.closing() == std::set<std::string>{"more"});
  fixture.end_replayers();
  CHECK(fixture.closed == Names{"more"});
  CHECK(fixture.done == 1);
  CHECK(fixture.removed.closing().empty());
  CHECK(fixture.policies.queues().empty());
}

TEST_CASE("a removed queue that holds a job stays open, and is looked at again until it holds none") {
  RemovedFixture fixture;
  jobs::JobDraft draft;
  draft.id = std::string(32, 'a');
  draft.expires_at = fixture.runtime.wall_now() + 1h;
  fixture.jobs.append_at_once(draft);
  CHECK_FALSE(fixture.close_unused());
  const auto without = test::load_config(plain());
  CHECK(refuse_removals(*without, *fixture.config, fixture.policies).size() == 1);
  CHECK(refuse_removals(*without, *without, fixture.policies).empty());  // the next reload
  fixture.runtime.run_for(1s);
  CHECK(fixture.looks == 1);
  CHECK_FALSE(fixture.close_unused());
  const auto cancelled = fixture.jobs.cancel(fixture.runtime, draft.id, [](const auto& result) { CHECK(result.ok()); });
  fixture.runtime.run_for(1s);
  CHECK(fixture.looks == 2);
  CHECK(fixture.close_unused());
}

TEST_CASE("a removed queue to which a job is being added stays open") {
  RemovedFixture fixture;
  {
    const core::AppendPermit under_way(fixture.more());
    CHECK_FALSE(fixture.close_unused());
  }
  CHECK(fixture.close_unused());
}

TEST_CASE("a removed queue of which it is not known what it holds stays open") {
  RemovedFixture fixture;
  fixture.store->set(Mood::unavailable);
  CHECK_FALSE(fixture.close_unused());
  fixture.store->set(Mood::healthy);
  CHECK(fixture.close_unused());
}

TEST_CASE("a queue that does not close holds up nothing for more than 5 s, but cannot be opened until it is closed") {
  RemovedFixture fixture;
  REQUIRE(fixture.close_unused());
  fixture.store->set(Mood::stalled);
  fixture.runtime.run_for(10s);
  CHECK(fixture.done == 0);  // it is in the policies, where a takeover would find it
  fixture.end_replayers();
  fixture.runtime.run_for(3s);
  CHECK(fixture.done == 0);
  fixture.runtime.run_for(1s);
  CHECK(fixture.done == 1);
  CHECK_FALSE(fixture.close_unused());
  Running running;
  running.closing = fixture.removed.closing();
  const StoreValues stores;
  const auto refused = refuse_queues({*fixture.config, stores}, running, fixture.policies);
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].find("queues.more: the queue that was removed is still being closed") == 0);
  fixture.store->set(Mood::healthy);
  fixture.runtime.run_for(1s);
  CHECK(fixture.closed == Names{"more"});
  CHECK(fixture.done == 1);
  CHECK(fixture.removed.closing().empty());
}

TEST_CASE("a new queue on the file of one that is open is refused with what to do") {
  RemovedFixture fixture;
  const StoreValues opened = {{"queues.more.url", {"sqlite:///tmp/more.db", "sqlite:///tmp/more.db"}}};
  const StoreValues stores = {{"queues.renamed.url", {"sqlite:///tmp/more.db", "sqlite:///tmp/more.db"}}};
  const Candidate next{*fixture.config, stores};
  const auto refusal = [&](bool removed, std::set<std::string> closing) {
    Running running;
    running.opened = opened;
    running.queues["more"].removed = removed;
    running.closing = std::move(closing);
    const auto refused = refuse_open_files(next, running);
    REQUIRE(refused.size() == 1);
    return refused[0];
  };
  CHECK(refusal(false, {}).find("remove queue more by a reload of its own") != std::string::npos);
  CHECK(refusal(true, {}).find("has been removed, and stays open while requests or tunnels") != std::string::npos);
  CHECK(refusal(true, {"more"}).find("still being closed") != std::string::npos);
}

TEST_CASE("a queue that a reload brings back takes jobs from its commit on, not before") {
  RemovedFixture fixture;
  fixture.policies.stop_appends_but_of(*fixture.config);  // a reload that has it, under way
  CHECK_FALSE(fixture.takes_jobs());
  fixture.policies.commit(*fixture.config);
  CHECK(fixture.takes_jobs());
  fixture.policies.stop_appends_but_of(*test::load_config(plain()));
  CHECK_FALSE(fixture.takes_jobs());
  fixture.policies.take_appends_of(*fixture.config);  // that one was refused
  CHECK(fixture.takes_jobs());
}

}  // namespace tidegate::cli
