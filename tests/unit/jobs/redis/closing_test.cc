// The end of a store's thread; no server is needed.
#include <doctest/doctest.h>

#include "jobs/redis/thread.h"

namespace tidegate::jobs {

TEST_CASE("a correction that comes after the end of the thread is dropped, not kept") {
  RedisQueueOptions options;
  options.address.host = "127.0.0.1";
  options.address.port = 1;
  options.name = "closing";
  RedisThread thread(options);
  thread.stop();
  const auto held = std::make_shared<int>();
  thread.correct([held](RedisStore&) {});
  CHECK(held.use_count() == 1);
}

}  // namespace tidegate::jobs
