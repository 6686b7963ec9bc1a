// Dates, and what Retry-After says with them.
#include "http/message/http_date.h"

#include <doctest/doctest.h>

namespace tidegate::http {

namespace {

const WallTime kMoment{Duration(784'111'777ll * 1'000'000'000)};  // the RFC's example

}  // namespace

TEST_CASE("the three forms of a date are one moment") {
  for (const char* text :
       {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"}) {
    REQUIRE(parse_http_date(text));
    CHECK(*parse_http_date(text) == kMoment);
  }
  CHECK(parse_http_date(http_date(kMoment)) == kMoment);
}

TEST_CASE("what is no date is none") {
  for (const char* text :
       {"", "tomorrow", "Sun, 06 Nov 1994", "Sun, 31 Feb 2026 00:00:00 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT+1", "Sun, 06 Xyz 1994 08:49:37 GMT", "Sun, 06 Nov 9994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:-1:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT and a tail that is far too long"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_http_date(text));
  }
}

TEST_CASE("Retry-After is seconds, or a date by the clock of the response that carries it") {
  CHECK(parse_retry_after("30", "", kMoment) == Duration(30s));
  CHECK(parse_retry_after("0", "", kMoment) == Duration(0));
  CHECK(parse_retry_after("Sun, 06 Nov 1994 08:50:37 GMT", "", kMoment) == Duration(60s));
  // An upstream whose clock is an hour ahead.
  CHECK(parse_retry_after("Sun, 06 Nov 1994 09:50:37 GMT", "Sun, 06 Nov 1994 09:49:37 GMT", kMoment) == Duration(60s));
  CHECK(parse_retry_after("Sun, 06 Nov 1994 08:00:00 GMT", "", kMoment) == Duration(0));
}

TEST_CASE("Retry-After is at most a day, and an invalid value is ignored") {
  CHECK(parse_retry_after("99999999", "", kMoment) == Duration(std::chrono::hours(24)));
  CHECK(parse_retry_after("99999999999999999999999", "", kMoment) == Duration(std::chrono::hours(24)));
  CHECK(parse_retry_after("Mon, 06 Nov 2034 08:49:37 GMT", "", kMoment) == Duration(std::chrono::hours(24)));
  for (const char* text : {"", "-1", "1.5", "soon", "30 s"}) CHECK_FALSE(parse_retry_after(text, "", kMoment));
}

}  // namespace tidegate::http
