#include "optimizer/service.h"

#include <doctest/doctest.h>

#include "optimizer/query.h"
#include "service_rig.h"

namespace tidegate::optimizer::test {

TEST_CASE("an image goes in and comes out marked") {
  Rig rig;
  const std::string png = a_png();
  const auto answer = rig.answer("POST", "/optimize?text=NWS&position=top-left&max_width=150", png);
  CHECK(answer.status == 200);
  CHECK(answer.field("Content-Type") == "image/png");
  CHECK(read(answer.body).width() == 150);
  const auto webp = rig.answer("POST", "/optimize?text=NWS&format=webp", png);
  CHECK(webp.field("Content-Type") == "image/webp");
  CHECK(webp.body.substr(8, 4) == "WEBP");
}

TEST_CASE("the same request is answered with the same bytes") {
  Rig rig;
  const std::string png = a_png();
  CHECK(rig.answer("POST", kOptimize, png).body == rig.answer("POST", kOptimize, png).body);
}

TEST_CASE("metrics tell how many pictures there were, what they took, and the load") {
  Rig rig;
  const std::string before = rig.answer("GET", "/metrics").body;
  CHECK(before.find("\nwatermark_optimizer_picture_seconds_count 0\n") != std::string::npos);
  CHECK(before.find("\nwatermark_optimizer_workers 1\n") != std::string::npos);
  CHECK(before.find("\nwatermark_optimizer_queue_max 1\n") != std::string::npos);
  REQUIRE(rig.answer("POST", kOptimize, to_png(gradient(64, 64))).status == 200);
  Gate gate(rig.service().pool());
  const std::string after = rig.answer("GET", "/metrics").body;
  CHECK(after.find("\nwatermark_optimizer_picture_seconds_count 1\n") != std::string::npos);
  CHECK(after.find("\nwatermark_optimizer_load 1\n") != std::string::npos);
  CHECK(rig.answer("POST", "/metrics").status == 405);
}

TEST_CASE("health says so, to those who ask politely") {
  Rig rig;
  const auto answer = rig.answer("GET", "/health");
  CHECK(answer.status == 200);
  CHECK(answer.body == R"({"status":"ok"})");
  CHECK(rig.answer("DELETE", "/health").status == 405);
}

TEST_CASE("unknown paths and methods are told apart") {
  Rig rig;
  CHECK(rig.answer("GET", "/nothing").status == 404);
  CHECK(rig.answer("POST", "/fault?mode=down").status == 404);
  const auto answer = rig.answer("GET", kOptimize);
  CHECK(answer.status == 405);
  CHECK(answer.field("Allow") == "POST");
}

TEST_CASE("the client's mistakes are problems with a reason") {
  Rig rig;
  const auto bad = rig.answer("POST", "/optimize?text=NWS&position=middle", a_png());
  CHECK(bad.status == 400);
  CHECK(bad.field("Content-Type") == "application/problem+json");
  CHECK(bad.body.find(R"("reason":"bad_request")") != std::string::npos);
  CHECK(bad.body.find("middle") != std::string::npos);
  CHECK(rig.answer("POST", "/optimize", a_png()).status == 400);
  CHECK(rig.answer("POST", kOptimize, "hello").status == 415);
  CHECK(rig.answer("POST", kOptimize).status == 400);
  CHECK(rig.answer("POST", kOptimize, png_announcing(60000, 60000)).status == 413);
  CHECK(rig.answer("POST", kOptimize, a_png().substr(0, 200)).status == 400);
}

TEST_CASE("a body over the limit is refused by its length") {
  ServiceOptions options = small_service();
  options.body_bytes_max = 1000;
  Rig rig(options);
  CHECK(rig.answer("POST", kOptimize, std::string(1001, 'x')).status == 413);
  CHECK(rig.answer("POST", kOptimize, std::string(1000, 'x')).status == 415);
}

TEST_CASE("a full queue answers 503 at once and says when to come again") {
  Rig rig;
  Gate running(rig.service().pool());
  Gate queued(rig.service().pool());
  const auto answer = rig.answer("POST", kOptimize, a_png());
  CHECK(answer.status == 503);
  CHECK(parse_int(answer.field("Retry-After"), 1, 60).has_value());
  CHECK(answer.body.find(R"("reason":"busy")") != std::string::npos);
  CHECK(rig.answer("GET", "/health").status == 200);
  running.open();
  queued.open();
  rig.until([&] { return rig.service().pool().load() == 0; });
  CHECK(rig.answer("POST", kOptimize, a_png()).status == 200);
}

TEST_CASE("bodies that together outgrow their room are refused") {
  ServiceOptions options = small_service();
  options.bodies_bytes_max = 1000;
  Rig rig(options);
  CHECK(rig.answer("POST", kOptimize, std::string(1001, 'x')).status == 503);
  // What was taken has been given back.
  for (int i = 0; i < 3; ++i) CHECK(rig.answer("POST", kOptimize, std::string(1000, 'x')).status == 415);
}

TEST_CASE("a client that goes away takes its queued work with it") {
  Rig rig;
  Gate running(rig.service().pool());
  auto call = rig.begin("POST", kOptimize, a_png());
  rig.until([&] { return rig.service().pool().load() == 2; });
  call.reset();
  rig.until([&] { return rig.service().pool().load() == 1; });
  CHECK_FALSE(rig.service().pool().full());
}

TEST_CASE("draining finishes what runs and takes nothing new") {
  Rig rig;
  Gate running(rig.service().pool());
  const auto call = rig.begin("POST", kOptimize, a_png());
  rig.until([&] { return rig.service().pool().load() == 2; });
  bool drained = false;
  rig.service().drain([&] { drained = true; });
  CHECK_FALSE(rig.fetch("GET", "/health").ok());
  CHECK_FALSE(drained);
  running.open();
  const auto result = rig.await(*call);
  REQUIRE(result.ok());
  CHECK(result->status == 200);
  rig.until([&] { return drained; });
}

TEST_CASE("the end of the service cuts off what still runs") {
  Rig rig;
  Gate running(rig.service().pool());
  const auto call = rig.begin("POST", kOptimize, a_png());
  rig.until([&] { return rig.service().pool().load() == 2; });
  running.open();
  rig.end_service();
  CHECK_FALSE(rig.await(*call).ok());
}

}  // namespace tidegate::optimizer::test
