#include "unit/jobs/contract/fixture.h"

#include <unistd.h>

namespace tidegate::jobs {

TestFolder::TestFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "tidegate-jobs-XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  path_ = name;
}

void RealFixture::close(std::unique_ptr<JobQueue> queue) {
  if (!queue) return;
  bool closed = false;
  queue->close(runtime_, [&] { closed = true; });
  run_until([&] { return closed; });
}

// One iteration of the loop, a few milliseconds at most.
void RealFixture::step() {
  net::Timer tick(runtime_, [] {});
  tick.start_after(2ms);
  runtime_.run_once();
}

void RealFixture::pass(Duration time) {
  bool over = false;
  net::Timer timer(runtime_, [&] { over = true; });
  timer.start_after(time);
  run_until([&] { return over; });
}

void RealFixture::let_store_work() { ::usleep(3000); }

JobDraft make_draft(net::Runtime& home, const std::string& body) {
  JobDraft draft;
  draft.id = to_hex(home.random_id());
  draft.route = "optimize";
  draft.method = "POST";
  draft.target = "/optimize?text=x";
  draft.fields = {{"Content-Type", "image/jpeg"}, {"X-Odd", "caf\xe9 \"quoted\""}};
  draft.body.memory = body;
  draft.created_at = home.wall_now();
  draft.expires_at = draft.created_at + 24h;
  draft.max_attempts = 3;
  return draft;
}

}  // namespace tidegate::jobs
