// The simulated faults.
#include <doctest/doctest.h>

#include "unit/optimizer/http/service_fixture.h"

namespace tidegate::optimizer::test {

TEST_CASE("the fault can be changed at run time if that is allowed") {
  ServiceOptions options = small_service();
  options.allow_faults = true;
  Fixture fixture(options);
  const std::string png = a_png();
  CHECK(fixture.response("POST", "/fault?mode=error&status=500").body == R"({"mode":"error","status":500})");
  CHECK(fixture.response("POST", kOptimize, png).status == 500);
  CHECK(fixture.response("GET", "/health").status == 200);
  CHECK(fixture.response("POST", "/fault?mode=fire").status == 400);
  CHECK(fixture.response("DELETE", "/fault").status == 405);
  CHECK(fixture.response("GET", "/fault").body == R"({"mode":"error","status":500})");
  CHECK(fixture.response("POST", "/fault?mode=slow&ms=1").status == 200);
  CHECK(fixture.response("POST", kOptimize, png).status == 200);
  CHECK(fixture.response("POST", "/fault?mode=none").status == 200);
  CHECK(fixture.response("POST", kOptimize, png).status == 200);
}

TEST_CASE("the fault down closes every connection without a response until it ends") {
  ServiceOptions options = small_service();
  options.allow_faults = true;
  options.fault.mode = FaultMode::down;
  Fixture fixture(options);
  CHECK_FALSE(fixture.fetch("POST", kOptimize, a_png()).ok());
  CHECK_FALSE(fixture.fetch("GET", "/health").ok());
  CHECK(fixture.response("POST", "/fault?mode=none").status == 200);
  CHECK(fixture.response("GET", "/health").status == 200);
}

TEST_CASE("a hung request ends when its client disconnects or the service stops") {
  ServiceOptions options = small_service();
  options.fault.mode = FaultMode::hang;
  Fixture fixture(options);
  auto impatient = fixture.begin("POST", kOptimize, a_png());
  const auto patient = fixture.begin("POST", kOptimize, a_png());
  CHECK(fixture.response("GET", "/health").status == 200);
  CHECK_FALSE(patient->result.has_value());
  impatient.reset();
  bool drained = false;
  fixture.service().drain([&] { drained = true; });
  CHECK_FALSE(fixture.await(*patient).ok());
  fixture.until([&] { return drained; });
}

TEST_CASE("a slow request whose client disconnects is never processed") {
  ServiceOptions options = small_service();
  options.fault.mode = FaultMode::slow;
  options.fault.delay = 600s;
  Fixture fixture(options);
  auto call = fixture.begin("POST", kOptimize, a_png());
  CHECK(fixture.response("GET", "/health").status == 200);
  CHECK(fixture.service().pool().load() == 0);
  call.reset();
  bool drained = false;
  fixture.service().drain([&] { drained = true; });
  fixture.until([&] { return drained; });
}

TEST_CASE("every fault can follow every other, and affects the next response") {
  ServiceOptions options = small_service();
  options.allow_faults = true;
  Fixture fixture(options);
  const std::string png = a_png();
  const std::string modes[] = {"none", "slow&ms=1", "error&status=500", "error&status=404", "down"};
  for (const std::string& first : modes) {
    for (const std::string& second : modes) {
      CAPTURE(first);
      CAPTURE(second);
      CHECK(fixture.response("POST", "/fault?mode=" + first).status == 200);
      CHECK(fixture.response("POST", "/fault?mode=" + second).status == 200);
      const auto response = fixture.fetch("POST", kOptimize, png);
      REQUIRE(response.ok() == (second != "down"));
      if (!response.ok()) continue;
      CHECK(response->status == (second == "error&status=500" ? 500 : second == "error&status=404" ? 404 : 200));
    }
  }
}

TEST_CASE("a fault that is refused changes nothing") {
  ServiceOptions options = small_service();
  options.allow_faults = true;
  options.fault = {FaultMode::error, 2s, 502};
  Fixture fixture(options);
  for (const char* bad : {"", "?mode=slow&status=500", "?mode=error&ms=5", "?mode=error&status=200", "?mode=hang&ms=1",
                          "?mode=slow&ms=0", "?mode=error&mode=none", "?mode=%zz", "?probability=1"}) {
    CHECK(fixture.response("POST", std::string("/fault") + bad).status == 400);
  }
  CHECK(fixture.response("GET", "/fault").body == R"({"mode":"error","status":502})");
}

TEST_CASE("hung requests can be cancelled one by one") {
  ServiceOptions options = small_service();
  options.allow_faults = true;
  options.fault.mode = FaultMode::hang;
  Fixture fixture(options);
  auto first = fixture.begin("POST", kOptimize, a_png());
  const auto second = fixture.begin("POST", kOptimize, a_png());
  const auto hanging = [&](int count) {
    return fixture.metric("watermark_optimizer_requests_in_progress " + std::to_string(count));
  };
  while (!hanging(2)) {
  }
  first.reset();
  while (!hanging(1)) {
  }
  CHECK(fixture.metric(R"(watermark_optimizer_requests_total{result="gone"} 1)"));
  CHECK(fixture.response("POST", "/fault?mode=none").status == 200);
  CHECK_FALSE(second->result.has_value());
  CHECK(fixture.response("POST", kOptimize, a_png()).status == 200);
}

}  // namespace tidegate::optimizer::test
