// The disk of the store fails under a running Tidegate: requests that need no queue do not notice.
#include <fstream>

#include "loopback/own_responses.h"

namespace tidegate::loopback {

TEST_CASE("a broken store fails only requests that need it, and recovers by itself") {
  Fixture fixture;
  REQUIRE(fixture.ask(post("/job", "before")).status == 202);
  const std::string path = (fixture.folder() / "jobs.db").string();
  std::filesystem::rename(path, path + ".aside");
  std::filesystem::create_directory(path);  // nothing can be opened there
  const Reply refused = fixture.ask(post("/job", "meanwhile"));
  CHECK(refused.status == 503);
  CHECK(refused.json().at("reason") == "queue_unavailable");
  for (int i = 0; i < 20; ++i) CHECK(fixture.ask(get("/plain")).status == 200);
  CHECK(fixture.ask(post("/job", "meanwhile")).status == 503);
  CHECK(fixture.metric("tidegate_queue_jobs_total", {"event=\"accepted\""}) == 1);

  std::filesystem::remove(path);
  std::filesystem::rename(path + ".aside", path);
  fixture.until("the store is open again", [&] { return fixture.queue().view().available; });
  CHECK(fixture.ask(post("/job", "after")).status == 202);
  CHECK(fixture.queue().view().depth[static_cast<size_t>(jobs::JobStatus::queued)] == 2);
}

}  // namespace tidegate::loopback
