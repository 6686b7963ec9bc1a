// The service told to fail, in every way it can.
#include <doctest/doctest.h>

#include "service_rig.h"

namespace tidegate::optimizer::test {

TEST_CASE("the fault can be changed while it runs, where that is allowed") {
  ServiceOptions options = small_service();
  options.allow_faults = true;
  Rig rig(options);
  const std::string png = a_png();
  CHECK(rig.answer("POST", "/fault?mode=error&status=500").body == R"({"mode":"error","status":500})");
  CHECK(rig.answer("POST", kOptimize, png).status == 500);
  CHECK(rig.answer("GET", "/health").status == 200);
  CHECK(rig.answer("POST", "/fault?mode=fire").status == 400);
  CHECK(rig.answer("DELETE", "/fault").status == 405);
  CHECK(rig.answer("GET", "/fault").body == R"({"mode":"error","status":500})");
  CHECK(rig.answer("POST", "/fault?mode=slow&ms=1").status == 200);
  CHECK(rig.answer("POST", kOptimize, png).status == 200);
  CHECK(rig.answer("POST", "/fault?mode=none").status == 200);
  CHECK(rig.answer("POST", kOptimize, png).status == 200);
}

TEST_CASE("down closes every connection without an answer until it is lifted") {
  ServiceOptions options = small_service();
  options.allow_faults = true;
  options.fault.mode = FaultMode::down;
  Rig rig(options);
  CHECK_FALSE(rig.fetch("POST", kOptimize, a_png()).ok());
  CHECK_FALSE(rig.fetch("GET", "/health").ok());
  CHECK(rig.answer("POST", "/fault?mode=none").status == 200);
  CHECK(rig.answer("GET", "/health").status == 200);
}

TEST_CASE("a hung request ends when its client goes or the service does") {
  ServiceOptions options = small_service();
  options.fault.mode = FaultMode::hang;
  Rig rig(options);
  auto impatient = rig.begin("POST", kOptimize, a_png());
  const auto patient = rig.begin("POST", kOptimize, a_png());
  CHECK(rig.answer("GET", "/health").status == 200);
  CHECK_FALSE(patient->result.has_value());
  impatient.reset();
  bool drained = false;
  rig.service().drain([&] { drained = true; });
  CHECK_FALSE(rig.await(*patient).ok());
  rig.until([&] { return drained; });
}

TEST_CASE("a slow request whose client goes away is never worked on") {
  ServiceOptions options = small_service();
  options.fault.mode = FaultMode::slow;
  options.fault.delay = 600s;
  Rig rig(options);
  auto call = rig.begin("POST", kOptimize, a_png());
  CHECK(rig.answer("GET", "/health").status == 200);
  CHECK(rig.service().pool().load() == 0);
  call.reset();
  bool drained = false;
  rig.service().drain([&] { drained = true; });
  rig.until([&] { return drained; });
}

TEST_CASE("every fault can follow every other, and each shows in the next answer") {
  ServiceOptions options = small_service();
  options.allow_faults = true;
  Rig rig(options);
  const std::string png = a_png();
  const std::string modes[] = {"none", "slow&ms=1", "error&status=500", "error&status=404", "down"};
  for (const std::string& first : modes) {
    for (const std::string& second : modes) {
      CAPTURE(first);
      CAPTURE(second);
      CHECK(rig.answer("POST", "/fault?mode=" + first).status == 200);
      CHECK(rig.answer("POST", "/fault?mode=" + second).status == 200);
      const auto answer = rig.fetch("POST", kOptimize, png);
      REQUIRE(answer.ok() == (second != "down"));
      if (!answer.ok()) continue;
      CHECK(answer->status == (second == "error&status=500" ? 500 : second == "error&status=404" ? 404 : 200));
    }
  }
}

TEST_CASE("a fault that is refused changes nothing") {
  ServiceOptions options = small_service();
  options.allow_faults = true;
  options.fault = {FaultMode::error, 2s, 502};
  Rig rig(options);
  for (const char* bad : {"", "?mode=slow&status=500", "?mode=error&ms=5", "?mode=error&status=200", "?mode=hang&ms=1",
                          "?mode=slow&ms=0", "?mode=error&mode=none", "?mode=%zz", "?probability=1"}) {
    CHECK(rig.answer("POST", std::string("/fault") + bad).status == 400);
  }
  CHECK(rig.answer("GET", "/fault").body == R"({"mode":"error","status":502})");
}

TEST_CASE("those who hang are let go of one by one, and the rest hangs on") {
  ServiceOptions options = small_service();
  options.allow_faults = true;
  options.fault.mode = FaultMode::hang;
  Rig rig(options);
  auto first = rig.begin("POST", kOptimize, a_png());
  const auto second = rig.begin("POST", kOptimize, a_png());
  const auto hanging = [&](int count) {
    return rig.metric("watermark_optimizer_requests_in_progress " + std::to_string(count));
  };
  while (!hanging(2)) {
  }
  first.reset();
  while (!hanging(1)) {
  }
  CHECK(rig.metric(R"(watermark_optimizer_requests_total{result="gone"} 1)"));
  CHECK(rig.answer("POST", "/fault?mode=none").status == 200);
  CHECK_FALSE(second->result.has_value());
  CHECK(rig.answer("POST", kOptimize, a_png()).status == 200);
}

}  // namespace tidegate::optimizer::test
