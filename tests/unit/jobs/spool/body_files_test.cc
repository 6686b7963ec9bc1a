// Bodies in the spool that have files of their own.
#include <filesystem>
#include <set>
#include <vector>

#include "unit/jobs/spool/fixture.h"

namespace tidegate::jobs {

namespace {

std::vector<std::string> append_three(Asker<SpooledFixture>& asker) {
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(asker.append_new());
  return ids;
}

}  // namespace

TEST_CASE(
    "a job in the spool whose body's file is missing does not hold up those behind it, and follows once it is back") {
  SpooledFixture fixture;
  Asker asker(fixture);
  fixture.set(FlakyQueue::Mood::unavailable);
  const std::string large = asker.append_new(std::string(SqliteOptions{}.body_file_min, 'l'));
  const auto ids = append_three(asker);
  std::filesystem::rename(fixture.file("spool.db-bodies"), fixture.file("elsewhere"));
  fixture.set(FlakyQueue::Mood::healthy);
  fixture.run_until([&] { return fixture.queue().view().spooled == 1; });
  std::set<std::string> claimed;
  for (int i = 0; i < 3; ++i) claimed.insert(asker.claim().id);
  CHECK(claimed == std::set<std::string>(ids.begin(), ids.end()));
  std::filesystem::rename(fixture.file("elsewhere"), fixture.file("spool.db-bodies"));
  fixture.let_set_aside_end("spool.db");
  fixture.run_until([&] { return fixture.queue().view().spooled == 0; });
  CHECK(asker.claim().id == large);
}

}  // namespace tidegate::jobs
