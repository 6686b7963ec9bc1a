// A claim that its caller has let go of, on a store with a thread of its own: the job is free again, and that is told.
#include "unit/jobs/sqlite/fixture.h"

namespace tidegate::jobs {

TEST_CASE("a claim that is released because its caller has gone is announced as work") {
  SqliteFixture fixture;
  Asker asker(fixture);
  int announced = 0;
  fixture.queue().on_work(fixture.home(), [&] { ++announced; });
  const std::string id = asker.append_new();
  fixture.run_until([&] { return announced == 1; });
  auto claim = fixture.queue().claim(fixture.home(), 1h, [](auto) { FAIL("not silent"); });
  const auto running = [&] { return fixture.queue().view().depth[static_cast<size_t>(JobStatus::running)]; };
  while (running() == 0) fixture.let_store_work();
  claim.reset();
  fixture.run_until([&] { return announced == 2; });
  CHECK(running() == 0);
  const ClaimedJob job = asker.claim();
  CHECK(job.id == id);
  CHECK(job.attempt == 1);
  fixture.queue().on_work(fixture.home(), {});
}

}  // namespace tidegate::jobs
