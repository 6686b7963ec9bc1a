// What every answer of Tidegate's own must have, whatever it says.
#pragma once

#include "loopback/bed.h"

namespace tidegate::loopback {

struct Expected {
  int status;
  std::string reason;
  std::string route = "";
  std::string method = "GET";
  bool retry_after = false;
};

// The answer, the one line of the access log and the one count of the metric: all with the same word. REQUIRES that
// this outcome has happened once in this bed.
void check_own_answer(Bed& bed, const Reply& reply, const Expected& expected);

}  // namespace tidegate::loopback
