#include "api/http/reply.h"

#include <doctest/doctest.h>

#include "base/log.h"

namespace tidegate::api::test {

TEST_CASE("Retry-After of a failing store is rounded up to whole seconds") {
  log_set_sink([](LogLevel, std::string_view) {});
  for (const auto& [wait, field] :
       {std::pair<Duration, const char*>{10s, "Retry-After: 10\r\n"}, {3001ms, "Retry-After: 4\r\n"}}) {
    const Reply reply = store_reply({ErrorCode::unavailable, "PUT http://store/secret-name: 503"}, wait);
    CHECK(reply.status == 503);
    CHECK(reply.fields == field);
    CHECK(reply.body.find("secret-name") == std::string::npos);
  }
  log_set_sink({});
}

}  // namespace tidegate::api::test
