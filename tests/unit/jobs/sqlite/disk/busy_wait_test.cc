#include "jobs/sqlite/disk/busy_wait.h"

#include <doctest/doctest.h>

namespace tidegate::jobs {

TEST_CASE("each wait for a lock has its time; once closing has begun they share one") {
  BusyWait wait(5s);
  const Time start{100s};
  CHECK(wait.left(start) == 5s);
  CHECK(wait.left(start + 1h) == 5s);
  wait.begin_closing(start + 1h);
  CHECK(wait.left(start + 1h) == 5s);
  CHECK(wait.left(start + 1h + 3s) == 2s);
  CHECK(wait.left(start + 1h + 5s) == 0s);
  CHECK(wait.left(start + 2h) == 0s);
}

}  // namespace tidegate::jobs
