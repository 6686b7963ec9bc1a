// The store's disk breaks under a running Tidegate: who needs no queue does not notice.
#include <fstream>

#include "loopback/own_answers.h"

namespace tidegate::loopback {

TEST_CASE("while the store is broken, requests pass that need no queue, others are told, and it comes back by itself") {
  Bed bed;
  REQUIRE(bed.ask(post("/job", "before")).status == 202);
  const std::string path = (bed.folder() / "jobs.db").string();
  std::filesystem::rename(path, path + ".aside");
  std::filesystem::create_directory(path);  // nothing can be opened there
  const Reply refused = bed.ask(post("/job", "meanwhile"));
  CHECK(refused.status == 503);
  CHECK(refused.json().at("reason") == "queue_unavailable");
  for (int i = 0; i < 20; ++i) CHECK(bed.ask(get("/plain")).status == 200);
  CHECK(bed.ask(post("/job", "meanwhile")).status == 503);
  CHECK(bed.metric("tidegate_queue_jobs_total", {"event=\"accepted\""}) == 1);

  std::filesystem::remove(path);
  std::filesystem::rename(path + ".aside", path);
  bed.until("the store is open again", [&] { return bed.queue().view().available; });
  CHECK(bed.ask(post("/job", "after")).status == 202);
  CHECK(bed.queue().view().depth[static_cast<size_t>(jobs::JobStatus::queued)] == 2);
}

}  // namespace tidegate::loopback
