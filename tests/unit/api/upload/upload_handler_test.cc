// The response to an upload, by the response of Tidegate.
#include <fstream>
#include <tuple>

#include "api/upload/key.h"
#include "unit/api/fixture.h"
#include "unit/api/picture/sample_pictures.h"

namespace tidegate::api::test {

TEST_CASE("an upload returns the watermarked picture") {
  Fixture fixture;
  respond_to_all(fixture, marked());
  const auto response = fixture.upload("© NWS");
  CHECK(response.status == 200);
  CHECK(response.body == marked_png());
  CHECK(response.field("Content-Type") == "image/png");
  CHECK(response.field("X-Cache") == "MISS");
  CHECK(response.field("X-Image-Key") == key_of(a_png(), "© NWS", "bottom-right"));
  CHECK(response.field("Access-Control-Allow-Origin") == "*");

  REQUIRE(fixture.tidegate->seen.size() == 1);
  Seen& seen = fixture.tidegate->seen[0];
  CHECK(seen.method == "POST");
  CHECK(seen.target == "/optimize?text=%C2%A9%20NWS&position=bottom-right");
  CHECK(seen.body == a_png());
  CHECK(seen.fields["Content-Type"] == "image/png");
  CHECK(seen.fields["Idempotency-Key"] == response.field("X-Image-Key"));
  CHECK(seen.fields["X-Request-Timeout-Ms"] == "15000");
  CHECK(seen.fields["X-Forwarded-For"] == "127.0.0.1");
  CHECK(fixture.service().budget().used() == 0);
}

TEST_CASE("a repeated upload is a hit without a request to Tidegate, also after a restart") {
  Fixture fixture;
  respond_to_all(fixture, marked());
  const std::string key(fixture.upload().field("X-Image-Key"));
  CHECK(fixture.upload().field("X-Cache") == "HIT");
  fixture.restart();
  const auto response = fixture.upload();
  CHECK(response.status == 200);
  CHECK(response.field("X-Cache") == "HIT");
  CHECK(response.body == marked_png());
  CHECK(fixture.tidegate->seen.size() == 1);
  CHECK(fixture.upload("another").field("X-Cache") == "MISS");
}

TEST_CASE("the result and the original are stored, and the result is served") {
  Fixture fixture;
  respond_to_all(fixture, marked());
  const std::string key(fixture.upload().field("X-Image-Key"));
  CHECK(std::filesystem::exists(fixture.state() / "originals" / key));
  const auto image = fixture.get("/images/" + key);
  CHECK(image.status == 200);
  CHECK(image.body == marked_png());
  CHECK(image.field("Content-Type") == "image/png");
  CHECK(image.field("ETag") == "\"" + key + "\"");
  CHECK(image.field("Cache-Control").find("max-age") != std::string::npos);
  CHECK(fixture.fetch("GET", "/images/" + key, {{"If-None-Match", "\"" + key + "\""}}).status == 304);
  const auto head = fixture.fetch("HEAD", "/images/" + key);
  CHECK(head.status == 200);
  CHECK(head.body.empty());
  CHECK(value_of(fixture.get("/status/" + key), "status") == "done");
  CHECK(value_of(fixture.get("/status/" + key), "url") == "/images/" + key);
}

TEST_CASE("an error of Tidegate or the optimizer is forwarded unchanged") {
  Fixture fixture;
  for (const uint16_t status : {400, 413, 415, 422, 429, 500, 502, 503, 504}) {
    CAPTURE(status);
    respond_to_all(fixture, {status, "application/problem+json", R"({"reason":"theirs"})", "Retry-After: 17\r\n"});
    const auto response = fixture.upload();
    CHECK(response.status == status);
    CHECK(response.body == R"({"reason":"theirs"})");
    CHECK(response.field("Content-Type") == "application/problem+json");
    CHECK(response.field("Retry-After") == "17");
    CHECK(response.field("Access-Control-Allow-Origin") == "*");
  }
  respond_to_all(fixture, marked());
  CHECK(fixture.upload().status == 200);  // the refusal was not stored
}

TEST_CASE("a response that is neither a picture nor an error gives a 502") {
  Fixture fixture;
  for (const Response& odd : {Response{200, "image/png", "no picture", ""}, Response{302, "", "", "Location: /x\r\n"},
                              Response{202, "application/json", "{}", ""}, Response{204, "", "", ""}}) {
    CAPTURE(odd.status);
    respond_to_all(fixture, odd);
    const auto response = fixture.upload();
    CHECK(response.status == 502);
    CHECK(value_of(response, "reason") == "bad_upstream_response");
  }
}

TEST_CASE("an unreachable Tidegate gives a 502") {
  Fixture fixture;
  fixture.tidegate.reset();
  const auto response = fixture.upload();
  CHECK(response.status == 502);
  CHECK(value_of(response, "reason") == "connect_failure");
  CHECK(fixture.service().budget().used() == 0);
}

TEST_CASE("a file that is not an image is refused before anything is stored or sent") {
  Fixture fixture;
  respond_to_all(fixture, marked());
  for (const std::string& image :
       {std::string("hello, hello, hello"), std::string("short"), std::string("GIF89a.........")}) {
    const auto response = fixture.upload({{"image", image}, {"wm_text", "NWS"}});
    CHECK(response.status == 415);
    CHECK(value_of(response, "reason") == "unsupported_media_type");
  }
  const std::tuple<std::string, uint16_t, const char*> pictures[] = {
      {a_png().substr(0, a_png().size() - 1), 400, "bad_image"},
      {"PK" + a_png(), 415, "unsupported_media_type"},
      {png({50000, 50000}), 413, "image_too_large"}};
  for (const auto& [image, status, reason] : pictures) {
    const auto response = fixture.upload({{"image", image}, {"wm_text", "NWS"}});
    CHECK(response.status == status);
    CHECK(value_of(response, "reason") == reason);
  }
  CHECK(fixture.tidegate->seen.empty());
  CHECK(files_in(fixture.state() / "originals") == 0);
}

TEST_CASE("errors in the form are problems with a reason") {
  Fixture fixture;
  respond_to_all(fixture, marked());
  const FormPart image{"image", a_png()};
  const FormPart text{"wm_text", "NWS"};
  const std::vector<FormPart> wrong[] = {
      {image},
      {text},
      {{"image", ""}, text},
      {image, {"wm_text", ""}},
      {image, {"wm_text", "  \t"}},
      {image, {"wm_text", "a\x01"}},
      {image, {"wm_text", "\xFF"}},
      {image, {"wm_text", std::string(201, 'x')}},
      {image, {"wm_text", std::string(5000, 'x')}},
      {image, text, {"wm_position", "middle"}},
      {image, text, {"wm_position", std::string(100, 'x')}},
      {image, text, text},
      {image, image, text},
      {image, text, {"other", "x"}},
  };
  for (size_t i = 0; i < std::size(wrong); ++i) {
    CAPTURE(i);
    const auto response = fixture.upload(wrong[i]);
    CHECK(response.status == 400);
    CHECK(response.field("Content-Type") == "application/problem+json");
    CHECK(value_of(response, "reason") == "bad_request");
    CHECK_FALSE(value_of(response, "detail").empty());
  }
  const std::pair<std::string, std::string> type{"Content-Type", "multipart/form-data; boundary=x"};
  CHECK(fixture.fetch("POST", "/upload", {type}, "--y").status == 400);
  CHECK(fixture.fetch("POST", "/upload", {type}, "--x").status == 400);
  CHECK(fixture.fetch("POST", "/upload", {{"Content-Type", "text/plain"}}, "x").status == 400);
  CHECK(fixture.fetch("POST", "/upload").status == 400);
  CHECK(fixture.tidegate->seen.empty());
  CHECK(fixture.service().budget().used() == 0);
  CHECK(fixture.upload({text, {"wm_position", "tiled"}, image}).status == 200);
}

TEST_CASE("a picture above the limit is refused, by its size or by the Content-Length") {
  Fixture fixture({}, 2000);
  respond_to_all(fixture, marked());
  const auto padded = [](size_t size) { return a_png(size - a_png().size() - 12); };
  CHECK(fixture.upload({{"image", padded(2000)}, {"wm_text", "NWS"}}).status == 200);
  CHECK(fixture.upload({{"image", padded(2000) + std::string(5000, 'x')}, {"wm_text", "NWS"}}).status == 200);
  const auto response = fixture.upload({{"image", padded(2001)}, {"wm_text", "NWS"}});
  CHECK(response.status == 413);
  CHECK(value_of(response, "reason") == "body_too_large");
  CHECK(value_of(fixture.upload({{"image", padded(200'000)}, {"wm_text", "NWS"}}), "detail") ==
        "The image is larger than 2000 bytes.");
}

TEST_CASE("uploads above the memory budget get a 503") {
  ServiceLimits limits;
  limits.pictures_bytes_max = a_png().size() + 5;
  Fixture fixture(limits);
  const auto first = fixture.begin_upload(Fixture::form("one"));
  fixture.until([&] { return fixture.tidegate->held() == 1; });
  const auto busy = fixture.upload("two");
  CHECK(busy.status == 503);
  CHECK(value_of(busy, "reason") == "busy");
  CHECK_FALSE(busy.field("Retry-After").empty());
  fixture.tidegate->release(marked());
  CHECK(fixture.await(*first).status == 200);
  respond_to_all(fixture, marked());
  CHECK(fixture.upload("two").status == 200);
}

TEST_CASE("a result that the memory budget cannot send is a hit for the next attempt") {
  ServiceLimits limits;
  limits.pictures_bytes_max = std::max(a_png().size(), marked_png().size() + 10);
  Fixture fixture(limits);
  respond_to_all(fixture, {200, "image/png", marked_png() + std::string(100, 'x'), ""});
  const auto response = fixture.upload();
  CHECK(response.status == 503);
  CHECK(value_of(response, "reason") == "busy");
  CHECK(fixture.get("/images/" + key_of(a_png(), "NWS", "bottom-right")).status == 503);
  CHECK(fixture.service().budget().used() == 0);
  CHECK(fixture.tidegate->seen.size() == 1);
}

TEST_CASE("a large picture is sent completely, and its memory reservation is released") {
  Fixture fixture;
  const std::string large = marked_png() + std::string(1'500'000, 'x');
  respond_to_all(fixture, {200, "image/png", large, ""});
  const auto response = fixture.upload();
  CHECK(response.body == large);
  CHECK(fixture.upload().body == large);
  CHECK(fixture.get("/images/" + std::string(response.field("X-Image-Key"))).body == large);
  CHECK(fixture.service().budget().used() == 0);
}

TEST_CASE("concurrent uploads of one key are sent once") {
  Fixture fixture;
  const auto first = fixture.begin_upload(Fixture::form("NWS"));
  fixture.until([&] { return fixture.tidegate->held() == 1; });
  const auto second = fixture.begin_upload(Fixture::form("NWS"));
  const auto third = fixture.begin_upload(Fixture::form("other"));
  fixture.until([&] { return fixture.tidegate->held() == 2; });
  CHECK(fixture.get("/health").status == 200);
  fixture.tidegate->release(marked());
  CHECK(fixture.await(*first).body == marked_png());
  CHECK(fixture.await(*second).body == marked_png());
  CHECK(fixture.await(*third).body == marked_png());
  CHECK(fixture.tidegate->count("POST") == 2);
  CHECK(fixture.service().flights().size() == 0);
}

TEST_CASE("a client that disconnects cancels its work, unless another one waits for it") {
  Fixture fixture;
  auto first = fixture.begin_upload(Fixture::form("NWS"));
  fixture.until([&] { return fixture.tidegate->held() == 1; });
  auto second = fixture.begin_upload(Fixture::form("NWS"));
  fixture.until([&] { return fixture.service().flights().waiters() == 2; });
  first.reset();
  fixture.until([&] { return fixture.service().flights().waiters() == 1; });
  CHECK(fixture.service().flights().size() == 1);
  CHECK(fixture.tidegate->held() == 1);
  second.reset();
  fixture.until([&] { return fixture.tidegate->held() == 0; });
  CHECK(fixture.service().flights().size() == 0);
  CHECK(fixture.service().budget().used() == 0);
}

TEST_CASE("a failing store gives a 503 before anything is sent to Tidegate") {
  Fixture fixture;
  respond_to_all(fixture, marked());
  std::filesystem::remove_all(fixture.state() / "temp");
  const auto response = fixture.upload();
  CHECK(response.status == 503);
  CHECK(value_of(response, "reason") == "store_unavailable");
  CHECK_FALSE(response.field("Retry-After").empty());
  CHECK(fixture.tidegate->seen.empty());
}

TEST_CASE("a result that cannot be stored is sent all the same") {
  Fixture fixture;
  fixture.tidegate->respond = [&](const Seen&) {
    std::filesystem::remove_all(fixture.state() / "results");
    return marked();
  };
  CHECK(fixture.upload().body == marked_png());
}

TEST_CASE("draining finishes running requests and accepts no new ones") {
  Fixture fixture;
  const auto call = fixture.begin_upload(Fixture::form("NWS"));
  fixture.until([&] { return fixture.tidegate->held() == 1; });
  bool drained = false;
  fixture.service().drain([&] { drained = true; });
  http::FetchRequest health;
  health.target = "/health";
  const auto refused = fixture.begin(health);
  fixture.until([&] { return refused->result.has_value(); });
  CHECK_FALSE(refused->result->ok());
  CHECK_FALSE(drained);
  fixture.tidegate->release(marked());
  CHECK(fixture.await(*call).status == 200);
  fixture.until([&] { return drained; });
}

}  // namespace tidegate::api::test
