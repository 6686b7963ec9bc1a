// What every response of Tidegate's own must have, whatever its outcome.
#pragma once

#include "loopback/fixture.h"

namespace tidegate::loopback {

struct Expected {
  int status;
  std::string reason;
  std::string route = "";
  std::string method = "GET";
  bool retry_after = false;
};

// Checks that the response, its line in the access log and its count in the metrics have the same outcome. REQUIRES:
// the outcome occurred once in this fixture.
void check_own_response(Fixture& fixture, const Reply& reply, const Expected& expected);

}  // namespace tidegate::loopback
