#include "net/uv/descriptors.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

using namespace tidegate;

TEST_CASE("The soft limit of descriptors is raised to the hard one") {
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit low = before;
  low.rlim_cur = before.rlim_max / 2;
  REQUIRE(setrlimit(RLIMIT_NOFILE, &low) == 0);
  CHECK(net::raise_descriptor_limit() == before.rlim_max);
  rlimit after{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &after) == 0);
  CHECK(after.rlim_cur == before.rlim_max);
  CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
}
