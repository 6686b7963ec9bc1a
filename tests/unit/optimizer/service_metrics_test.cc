// What Prometheus is told.
#include <doctest/doctest.h>

#include "service_rig.h"

namespace tidegate::optimizer::test {

namespace {

std::string ended(const std::string& result, int count) {
  return "watermark_optimizer_requests_total{result=\"" + result + "\"} " + std::to_string(count);
}

}  // namespace

TEST_CASE("every result is there from the start, at 0") {
  Rig rig;
  const auto answer = rig.answer("GET", "/metrics");
  CHECK(answer.field("Content-Type") == "text/plain; version=0.0.4; charset=utf-8");
  for (const char* result : {"ok", "refused", "too_slow", "busy", "fault", "failed", "gone"}) {
    CHECK(rig.metric(ended(result, 0)));
  }
  CHECK(rig.answer("POST", "/metrics").status == 405);
}

TEST_CASE("requests are counted by how they ended") {
  ServiceOptions options = small_service();
  options.allow_faults = true;
  Rig rig(options);
  const std::string png = a_png();
  CHECK(rig.answer("POST", kOptimize, png).status == 200);
  CHECK(rig.answer("POST", kOptimize, "hello").status == 415);
  CHECK(rig.answer("POST", "/optimize", png).status == 400);
  CHECK(rig.answer("POST", "/fault?mode=error&status=503").status == 200);
  CHECK(rig.answer("POST", kOptimize, png).status == 503);
  CHECK(rig.metric(ended("ok", 1)));
  CHECK(rig.metric(ended("refused", 2)));
  CHECK(rig.metric(ended("fault", 1)));
  CHECK(rig.metric("watermark_optimizer_requests_in_progress 0"));
  CHECK(rig.metric("watermark_optimizer_request_duration_seconds_count 4"));
  CHECK(rig.metric("watermark_optimizer_picture_seconds_count 2"));
}

TEST_CASE("a full pool and its refusals are seen") {
  Rig rig;
  Gate running(rig.service().pool());
  Gate queued(rig.service().pool());
  CHECK(rig.answer("POST", kOptimize, a_png()).status == 503);
  CHECK(rig.metric(ended("busy", 1)));
  CHECK(rig.metric("watermark_optimizer_load 2"));
}

TEST_CASE("a picture that takes too long is the image's fault") {
  ServiceOptions options = small_service();
  options.work_time_max = 0s;
  Rig rig(options);
  CHECK(rig.answer("POST", kOptimize, a_png()).status == 422);
  CHECK(rig.metric(ended("too_slow", 1)));
}

TEST_CASE("a client that goes away is counted and gives its place back") {
  Rig rig;
  const std::string large = to_png(halves(16000, 3000, {0, 0, 0}, {90, 90, 90}));
  auto call = rig.begin("POST", "/optimize?text=NWS&position=tiled&format=webp", large);
  rig.until([&] { return rig.service().pool().load() == 1; });
  call.reset();
  rig.until([&] { return rig.service().pool().load() == 0; });
  CHECK(rig.metric(ended("gone", 1)));
  CHECK(rig.metric(ended("ok", 0)));
}

}  // namespace tidegate::optimizer::test
