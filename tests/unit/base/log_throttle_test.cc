#include "base/log/throttle.h"

#include <doctest/doctest.h>

using namespace tidegate;

TEST_CASE("The first event is reported at once, then one line an interval has the count of those since") {
  LogThrottle throttle;
  const Time start{100s};
  CHECK(throttle.add(start) == 1);
  for (int i = 1; i < 10; ++i) CHECK_FALSE(throttle.add(start + i * 1s));
  CHECK(throttle.add(start + 10s) == 10);
  CHECK_FALSE(throttle.add(start + 19s));
  CHECK(throttle.add(start + 60s) == 2);
}

TEST_CASE("An event of one reason is reported although one of another reason has just been") {
  enum class Reason { limit, descriptors };
  LogThrottles<Reason, 2> throttles;
  const Time start{100s};
  CHECK(throttles.add(Reason::limit, start) == 1);
  CHECK_FALSE(throttles.add(Reason::limit, start + 1s));
  CHECK(throttles.add(Reason::descriptors, start + 1s) == 1);
  CHECK(throttles.add(Reason::limit, start + 10s) == 2);
}
