// A claim that its caller has let go of, on a store with a thread of its own: the job is free again, and that is told.
#include "unit/jobs/queue_beds.h"

namespace tidegate::jobs {

TEST_CASE("a claim that is given back because nobody waits for it wakes who waits for work") {
  SqliteBed bed;
  Asker asker(bed);
  int announced = 0;
  bed.queue().on_work(bed.home(), [&] { ++announced; });
  const std::string id = asker.append_new();
  bed.run_until([&] { return announced == 1; });
  auto claim = bed.queue().claim(bed.home(), 1h, [](auto) { FAIL("not silent"); });
  const auto running = [&] { return bed.queue().view().depth[static_cast<size_t>(JobStatus::running)]; };
  while (running() == 0) bed.let_store_work();
  claim.reset();
  bed.run_until([&] { return announced == 2; });
  CHECK(running() == 0);
  const ClaimedJob job = asker.claim();
  CHECK(job.id == id);
  CHECK(job.attempt == 1);
  bed.queue().on_work(bed.home(), {});
}

}  // namespace tidegate::jobs
