#include "http/message/prefer.h"

#include <doctest/doctest.h>

namespace tidegate::http {

TEST_CASE("Prefer is read as RFC 7240 writes it") {
  const struct {
    std::vector<const char*> values;
    bool async;
    int64_t wait_s;  // -1 = none
  } cases[] = {
      {{"respond-async"}, true, -1},
      {{"Respond-Async, Wait=10"}, true, 10},
      {{"wait=10", "respond-async"}, true, 10},
      {{"respond-async; x=\"a,b\", wait = 5 ;z"}, true, 5},
      {{"wait=\"7\""}, false, 7},
      {{"wait=1, wait=2"}, false, 1},
      {{"wait=1", "wait=2"}, false, 1},
      {{"wait=x, wait=2"}, false, -1},
      {{"wait"}, false, -1},
      {{"wait=-1"}, false, -1},
      {{"wait=99999999999999999999999"}, false, Preferences::kWaitMax},
      {{"note=\"respond-async, wait=3\""}, false, -1},
      {{"note=\"a \\\" , respond-async\""}, false, -1},
      {{"respond-asynchronously"}, false, -1},
      {{"", ",,", ";"}, false, -1},
  };
  for (const auto& c : cases) {
    CAPTURE(c.values[0]);
    Fields fields;
    for (const char* value : c.values) fields.add("Prefer", value);
    const Preferences found = preferences_of(fields);
    CHECK(found.respond_async == c.async);
    CHECK(found.wait_s.value_or(-1) == c.wait_s);
  }
}

}  // namespace tidegate::http
