// The metrics of the service.
#include <doctest/doctest.h>

#include "unit/optimizer/http/service_fixture.h"

namespace tidegate::optimizer::test {

namespace {

std::string ended(const std::string& result, int count) {
  return "watermark_optimizer_requests_total{result=\"" + result + "\"} " + std::to_string(count);
}

}  // namespace

TEST_CASE("every result has a series from the start, at 0") {
  Fixture fixture;
  const auto response = fixture.response("GET", "/metrics");
  CHECK(response.field("Content-Type") == "text/plain; version=0.0.4; charset=utf-8");
  for (const char* result : {"ok", "refused", "too_slow", "busy", "fault", "failed", "gone"}) {
    CHECK(fixture.metric(ended(result, 0)));
  }
  CHECK(fixture.response("POST", "/metrics").status == 405);
}

TEST_CASE("requests are counted by result") {
  ServiceOptions options = small_service();
  options.allow_faults = true;
  Fixture fixture(options);
  const std::string png = a_png();
  CHECK(fixture.response("POST", kOptimize, png).status == 200);
  CHECK(fixture.response("POST", kOptimize, "hello").status == 415);
  CHECK(fixture.response("POST", "/optimize", png).status == 400);
  CHECK(fixture.response("POST", "/fault?mode=error&status=503").status == 200);
  CHECK(fixture.response("POST", kOptimize, png).status == 503);
  CHECK(fixture.metric(ended("ok", 1)));
  CHECK(fixture.metric(ended("refused", 2)));
  CHECK(fixture.metric(ended("fault", 1)));
  CHECK(fixture.metric("watermark_optimizer_requests_in_progress 0"));
  CHECK(fixture.metric("watermark_optimizer_request_duration_seconds_count 4"));
  CHECK(fixture.metric("watermark_optimizer_picture_seconds_count 2"));
}

TEST_CASE("a full pool and its refusals are counted") {
  Fixture fixture;
  Gate running(fixture.service().pool());
  Gate queued(fixture.service().pool());
  CHECK(fixture.response("POST", kOptimize, a_png()).status == 503);
  CHECK(fixture.metric(ended("busy", 1)));
  CHECK(fixture.metric("watermark_optimizer_load 2"));
}

TEST_CASE("an image that takes too long is refused, not a failure") {
  ServiceOptions options = small_service();
  options.work_time_max = 0s;
  Fixture fixture(options);
  CHECK(fixture.response("POST", kOptimize, a_png()).status == 422);
  CHECK(fixture.metric(ended("too_slow", 1)));
}

TEST_CASE("a client that disconnects is counted and frees its slot") {
  Fixture fixture;
  const std::string large = to_png(halves(16000, 3000, {0, 0, 0}, {90, 90, 90}));
  auto call = fixture.begin("POST", "/optimize?text=NWS&position=tiled&format=webp", large);
  fixture.until([&] { return fixture.service().pool().load() == 1; });
  call.reset();
  fixture.until([&] { return fixture.service().pool().load() == 0; });
  CHECK(fixture.metric(ended("gone", 1)));
  CHECK(fixture.metric(ended("ok", 0)));
}

}  // namespace tidegate::optimizer::test
