#include "optimizer/http/service.h"

#include <doctest/doctest.h>

#include "optimizer/http/query.h"
#include "unit/optimizer/http/service_fixture.h"

namespace tidegate::optimizer::test {

TEST_CASE("a request returns the watermarked image") {
  Fixture fixture;
  const std::string png = a_png();
  const auto response = fixture.response("POST", "/optimize?text=NWS&position=top-left&max_width=150", png);
  CHECK(response.status == 200);
  CHECK(response.field("Content-Type") == "image/png");
  CHECK(read(response.body).width() == 150);
  const auto webp = fixture.response("POST", "/optimize?text=NWS&format=webp", png);
  CHECK(webp.field("Content-Type") == "image/webp");
  CHECK(webp.body.substr(8, 4) == "WEBP");
}

TEST_CASE("the same request gets the same bytes") {
  Fixture fixture;
  const std::string png = a_png();
  CHECK(fixture.response("POST", kOptimize, png).body == fixture.response("POST", kOptimize, png).body);
}

TEST_CASE("metrics show the number of images, their duration, and the load") {
  Fixture fixture;
  const std::string before = fixture.response("GET", "/metrics").body;
  CHECK(before.find("\nwatermark_optimizer_picture_seconds_count 0\n") != std::string::npos);
  CHECK(before.find("\nwatermark_optimizer_workers 1\n") != std::string::npos);
  CHECK(before.find("\nwatermark_optimizer_queue_max 1\n") != std::string::npos);
  REQUIRE(fixture.response("POST", kOptimize, to_png(gradient(64, 64))).status == 200);
  Gate gate(fixture.service().pool());
  const std::string after = fixture.response("GET", "/metrics").body;
  CHECK(after.find("\nwatermark_optimizer_picture_seconds_count 1\n") != std::string::npos);
  CHECK(after.find("\nwatermark_optimizer_load 1\n") != std::string::npos);
  CHECK(fixture.response("POST", "/metrics").status == 405);
}

TEST_CASE("/health responds to GET and HEAD") {
  Fixture fixture;
  const auto response = fixture.response("GET", "/health");
  CHECK(response.status == 200);
  CHECK(response.body == R"({"status":"ok"})");
  CHECK(fixture.response("DELETE", "/health").status == 405);
}

TEST_CASE("an unknown path is a 404, an unknown method a 405") {
  Fixture fixture;
  CHECK(fixture.response("GET", "/nothing").status == 404);
  CHECK(fixture.response("POST", "/fault?mode=down").status == 404);
  const auto response = fixture.response("GET", kOptimize);
  CHECK(response.status == 405);
  CHECK(response.field("Allow") == "POST");
}

TEST_CASE("client errors are problems with a reason") {
  Fixture fixture;
  const auto bad = fixture.response("POST", "/optimize?text=NWS&position=middle", a_png());
  CHECK(bad.status == 400);
  CHECK(bad.field("Content-Type") == "application/problem+json");
  CHECK(bad.body.find(R"("reason":"bad_request")") != std::string::npos);
  CHECK(bad.body.find("middle") != std::string::npos);
  CHECK(fixture.response("POST", "/optimize", a_png()).status == 400);
  CHECK(fixture.response("POST", kOptimize, "hello").status == 415);
  CHECK(fixture.response("POST", kOptimize).status == 400);
  CHECK(fixture.response("POST", kOptimize, png_announcing(60000, 60000)).status == 413);
  CHECK(fixture.response("POST", kOptimize, a_png().substr(0, 200)).status == 400);
}

TEST_CASE("a body above the limit is refused by its length") {
  ServiceOptions options = small_service();
  options.body_bytes_max = 1000;
  Fixture fixture(options);
  CHECK(fixture.response("POST", kOptimize, std::string(1001, 'x')).status == 413);
  CHECK(fixture.response("POST", kOptimize, std::string(1000, 'x')).status == 415);
}

TEST_CASE("a full queue gives a 503 with Retry-After at once") {
  Fixture fixture;
  Gate running(fixture.service().pool());
  Gate queued(fixture.service().pool());
  const auto response = fixture.response("POST", kOptimize, a_png());
  CHECK(response.status == 503);
  CHECK(parse_int(response.field("Retry-After"), 1, 60).has_value());
  CHECK(response.body.find(R"("reason":"busy")") != std::string::npos);
  CHECK(fixture.response("GET", "/health").status == 200);
  running.open();
  queued.open();
  fixture.until([&] { return fixture.service().pool().load() == 0; });
  CHECK(fixture.response("POST", kOptimize, a_png()).status == 200);
}

TEST_CASE("bodies above the memory budget are refused") {
  ServiceOptions options = small_service();
  options.bodies_bytes_max = 1000;
  Fixture fixture(options);
  CHECK(fixture.response("POST", kOptimize, std::string(1001, 'x')).status == 503);
  // The memory is released.
  for (int i = 0; i < 3; ++i) CHECK(fixture.response("POST", kOptimize, std::string(1000, 'x')).status == 415);
}

TEST_CASE("a client that disconnects cancels its queued work") {
  Fixture fixture;
  Gate running(fixture.service().pool());
  auto call = fixture.begin("POST", kOptimize, a_png());
  fixture.until([&] { return fixture.service().pool().load() == 2; });
  call.reset();
  fixture.until([&] { return fixture.service().pool().load() == 1; });
  CHECK_FALSE(fixture.service().pool().full());
}

TEST_CASE("draining finishes running requests and accepts no new ones") {
  Fixture fixture;
  Gate running(fixture.service().pool());
  const auto call = fixture.begin("POST", kOptimize, a_png());
  fixture.until([&] { return fixture.service().pool().load() == 2; });
  bool drained = false;
  fixture.service().drain([&] { drained = true; });
  CHECK_FALSE(fixture.fetch("GET", "/health").ok());
  CHECK_FALSE(drained);
  running.open();
  const auto result = fixture.await(*call);
  REQUIRE(result.ok());
  CHECK(result->status == 200);
  fixture.until([&] { return drained; });
}

TEST_CASE("destroying the service aborts running requests") {
  Fixture fixture;
  Gate running(fixture.service().pool());
  const auto call = fixture.begin("POST", kOptimize, a_png());
  fixture.until([&] { return fixture.service().pool().load() == 2; });
  running.open();
  fixture.end_service();
  CHECK_FALSE(fixture.await(*call).ok());
}

}  // namespace tidegate::optimizer::test
