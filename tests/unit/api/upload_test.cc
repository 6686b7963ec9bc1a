// What an upload is answered, by what Tidegate answers.
#include <fstream>

#include "api/upload/key.h"
#include "unit/api/rig.h"
#include "unit/api/sample_pictures.h"

namespace tidegate::api::test {

TEST_CASE("a picture goes in and comes out marked") {
  Rig rig;
  answer_all(rig, marked());
  const auto answer = rig.upload("© NWS");
  CHECK(answer.status == 200);
  CHECK(answer.body == marked_png());
  CHECK(answer.field("Content-Type") == "image/png");
  CHECK(answer.field("X-Cache") == "MISS");
  CHECK(answer.field("X-Image-Key") == key_of(a_png(), "© NWS", "bottom-right"));
  CHECK(answer.field("Access-Control-Allow-Origin") == "*");

  REQUIRE(rig.tidegate->seen.size() == 1);
  Seen& seen = rig.tidegate->seen[0];
  CHECK(seen.method == "POST");
  CHECK(seen.target == "/optimize?text=%C2%A9%20NWS&position=bottom-right");
  CHECK(seen.body == a_png());
  CHECK(seen.fields["Content-Type"] == "image/png");
  CHECK(seen.fields["Idempotency-Key"] == answer.field("X-Image-Key"));
  CHECK(seen.fields["X-Request-Timeout-Ms"] == "15000");
  CHECK(seen.fields["X-Forwarded-For"] == "127.0.0.1");
  CHECK(rig.service().budget().used() == 0);
}

TEST_CASE("the same upload is a hit, without asking Tidegate, also after a restart") {
  Rig rig;
  answer_all(rig, marked());
  const std::string key(rig.upload().field("X-Image-Key"));
  CHECK(rig.upload().field("X-Cache") == "HIT");
  rig.restart();
  const auto answer = rig.upload();
  CHECK(answer.status == 200);
  CHECK(answer.field("X-Cache") == "HIT");
  CHECK(answer.body == marked_png());
  CHECK(rig.tidegate->seen.size() == 1);
  CHECK(rig.upload("another").field("X-Cache") == "MISS");
}

TEST_CASE("the picture and its original are kept, and the picture is served") {
  Rig rig;
  answer_all(rig, marked());
  const std::string key(rig.upload().field("X-Image-Key"));
  CHECK(std::filesystem::exists(rig.state() / "originals" / key));
  const auto image = rig.get("/images/" + key);
  CHECK(image.status == 200);
  CHECK(image.body == marked_png());
  CHECK(image.field("Content-Type") == "image/png");
  CHECK(image.field("ETag") == "\"" + key + "\"");
  CHECK(image.field("Cache-Control").find("max-age") != std::string::npos);
  CHECK(rig.fetch("GET", "/images/" + key, {{"If-None-Match", "\"" + key + "\""}}).status == 304);
  const auto head = rig.fetch("HEAD", "/images/" + key);
  CHECK(head.status == 200);
  CHECK(head.body.empty());
  CHECK(value_of(rig.get("/status/" + key), "status") == "done");
  CHECK(value_of(rig.get("/status/" + key), "url") == "/images/" + key);
}

TEST_CASE("what Tidegate or the optimizer refuses is passed on as it is") {
  Rig rig;
  for (const uint16_t status : {400, 413, 415, 422, 429, 500, 502, 503, 504}) {
    CAPTURE(status);
    answer_all(rig, {status, "application/problem+json", R"({"reason":"theirs"})", "Retry-After: 17\r\n"});
    const auto answer = rig.upload();
    CHECK(answer.status == status);
    CHECK(answer.body == R"({"reason":"theirs"})");
    CHECK(answer.field("Content-Type") == "application/problem+json");
    CHECK(answer.field("Retry-After") == "17");
    CHECK(answer.field("Access-Control-Allow-Origin") == "*");
  }
  answer_all(rig, marked());
  CHECK(rig.upload().status == 200);  // no refusal was kept
}

TEST_CASE("an answer that is neither picture nor error is a bad gateway") {
  Rig rig;
  for (const Answer& odd : {Answer{200, "image/png", "no picture", ""}, Answer{302, "", "", "Location: /x\r\n"},
                            Answer{202, "application/json", "{}", ""}, Answer{204, "", "", ""}}) {
    CAPTURE(odd.status);
    answer_all(rig, odd);
    const auto answer = rig.upload();
    CHECK(answer.status == 502);
    CHECK(value_of(answer, "reason") == "bad_upstream_response");
  }
}

TEST_CASE("a Tidegate that is not there is a bad gateway") {
  Rig rig;
  rig.tidegate.reset();
  const auto answer = rig.upload();
  CHECK(answer.status == 502);
  CHECK(value_of(answer, "reason") == "connect_failure");
  CHECK(rig.service().budget().used() == 0);
}

TEST_CASE("what is not an image is refused before anything is stored or sent") {
  Rig rig;
  answer_all(rig, marked());
  for (const std::string& image :
       {std::string("hello, hello, hello"), std::string("short"), std::string("GIF89a.........")}) {
    const auto answer = rig.upload({{"image", image}, {"wm_text", "NWS"}});
    CHECK(answer.status == 415);
    CHECK(value_of(answer, "reason") == "unsupported_media_type");
  }
  const std::pair<std::string, uint16_t> pictures[] = {
      {a_png().substr(0, a_png().size() - 1), 400}, {a_png() + "PK", 400}, {png({50000, 50000}), 413}};
  for (const auto& [image, status] : pictures) {
    const auto answer = rig.upload({{"image", image}, {"wm_text", "NWS"}});
    CHECK(answer.status == status);
    CHECK(value_of(answer, "reason") == (status == 413 ? "image_too_large" : "bad_image"));
  }
  CHECK(rig.tidegate->seen.empty());
  CHECK(files_in(rig.state() / "originals") == 0);
}

TEST_CASE("the form's mistakes are problems with a reason") {
  Rig rig;
  answer_all(rig, marked());
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
    const auto answer = rig.upload(wrong[i]);
    CHECK(answer.status == 400);
    CHECK(answer.field("Content-Type") == "application/problem+json");
    CHECK(value_of(answer, "reason") == "bad_request");
    CHECK_FALSE(value_of(answer, "detail").empty());
  }
  const std::pair<std::string, std::string> type{"Content-Type", "multipart/form-data; boundary=x"};
  CHECK(rig.fetch("POST", "/upload", {type}, "--y").status == 400);
  CHECK(rig.fetch("POST", "/upload", {type}, "--x").status == 400);
  CHECK(rig.fetch("POST", "/upload", {{"Content-Type", "text/plain"}}, "x").status == 400);
  CHECK(rig.fetch("POST", "/upload").status == 400);
  CHECK(rig.tidegate->seen.empty());
  CHECK(rig.service().budget().used() == 0);
  CHECK(rig.upload({text, {"wm_position", "tiled"}, image}).status == 200);
}

TEST_CASE("a picture over the limit is too large, by its own length or the request's") {
  Rig rig({}, 2000);
  answer_all(rig, marked());
  const auto padded = [](size_t size) { return a_png(size - a_png().size() - 12); };
  CHECK(rig.upload({{"image", padded(2000)}, {"wm_text", "NWS"}}).status == 200);
  const auto answer = rig.upload({{"image", padded(2001)}, {"wm_text", "NWS"}});
  CHECK(answer.status == 413);
  CHECK(value_of(answer, "reason") == "body_too_large");
  CHECK(value_of(rig.upload({{"image", padded(200'000)}, {"wm_text", "NWS"}}), "detail") ==
        "The image is larger than 2000 bytes.");
}

TEST_CASE("uploads that together outgrow their room are asked to come again") {
  ServiceLimits limits;
  limits.pictures_bytes_max = a_png().size() + 5;
  Rig rig(limits);
  const auto first = rig.begin_upload(Rig::form("one"));
  rig.until([&] { return rig.tidegate->held() == 1; });
  const auto busy = rig.upload("two");
  CHECK(busy.status == 503);
  CHECK(value_of(busy, "reason") == "busy");
  CHECK_FALSE(busy.field("Retry-After").empty());
  rig.tidegate->release(marked());
  CHECK(rig.await(*first).status == 200);
  answer_all(rig, marked());
  CHECK(rig.upload("two").status == 200);
}

TEST_CASE("a picture that there is no room to send is there for who comes again") {
  ServiceLimits limits;
  limits.pictures_bytes_max = std::max(a_png().size(), marked_png().size() + 10);
  Rig rig(limits);
  answer_all(rig, {200, "image/png", marked_png() + std::string(100, 'x'), ""});
  const auto answer = rig.upload();
  CHECK(answer.status == 503);
  CHECK(value_of(answer, "reason") == "busy");
  CHECK(rig.get("/images/" + key_of(a_png(), "NWS", "bottom-right")).status == 503);
  CHECK(rig.service().budget().used() == 0);
  CHECK(rig.tidegate->seen.size() == 1);
}

TEST_CASE("a large picture is sent whole, and its room given back") {
  Rig rig;
  const std::string large = marked_png() + std::string(1'500'000, 'x');
  answer_all(rig, {200, "image/png", large, ""});
  const auto answer = rig.upload();
  CHECK(answer.body == large);
  CHECK(rig.upload().body == large);
  CHECK(rig.get("/images/" + std::string(answer.field("X-Image-Key"))).body == large);
  CHECK(rig.service().budget().used() == 0);
}

TEST_CASE("uploads of one key at one time are sent once") {
  Rig rig;
  const auto first = rig.begin_upload(Rig::form("NWS"));
  rig.until([&] { return rig.tidegate->held() == 1; });
  const auto second = rig.begin_upload(Rig::form("NWS"));
  const auto third = rig.begin_upload(Rig::form("other"));
  rig.until([&] { return rig.tidegate->held() == 2; });
  CHECK(rig.get("/health").status == 200);
  rig.tidegate->release(marked());
  CHECK(rig.await(*first).body == marked_png());
  CHECK(rig.await(*second).body == marked_png());
  CHECK(rig.await(*third).body == marked_png());
  CHECK(rig.tidegate->count("POST") == 2);
  CHECK(rig.service().flights().size() == 0);
}

TEST_CASE("a client that goes takes its work with it, unless another waits for the same") {
  Rig rig;
  auto first = rig.begin_upload(Rig::form("NWS"));
  rig.until([&] { return rig.tidegate->held() == 1; });
  auto second = rig.begin_upload(Rig::form("NWS"));
  rig.until([&] { return rig.service().flights().seats() == 2; });
  first.reset();
  rig.until([&] { return rig.service().flights().seats() == 1; });
  CHECK(rig.service().flights().size() == 1);
  CHECK(rig.tidegate->held() == 1);
  second.reset();
  rig.until([&] { return rig.tidegate->held() == 0; });
  CHECK(rig.service().flights().size() == 0);
  CHECK(rig.service().budget().used() == 0);
}

TEST_CASE("a store that fails is told before Tidegate is asked") {
  Rig rig;
  answer_all(rig, marked());
  std::filesystem::remove_all(rig.state() / "temp");
  const auto answer = rig.upload();
  CHECK(answer.status == 503);
  CHECK(value_of(answer, "reason") == "store_unavailable");
  CHECK_FALSE(answer.field("Retry-After").empty());
  CHECK(rig.tidegate->seen.empty());
}

TEST_CASE("a picture that cannot be kept is given all the same") {
  Rig rig;
  rig.tidegate->answer = [&](const Seen&) {
    std::filesystem::remove_all(rig.state() / "results");
    return marked();
  };
  CHECK(rig.upload().body == marked_png());
}

TEST_CASE("draining finishes what runs and takes nothing new") {
  Rig rig;
  const auto call = rig.begin_upload(Rig::form("NWS"));
  rig.until([&] { return rig.tidegate->held() == 1; });
  bool drained = false;
  rig.service().drain([&] { drained = true; });
  http::FetchRequest health;
  health.target = "/health";
  const auto refused = rig.begin(health);
  rig.until([&] { return refused->result.has_value(); });
  CHECK_FALSE(refused->result->ok());
  CHECK_FALSE(drained);
  rig.tidegate->release(marked());
  CHECK(rig.await(*call).status == 200);
  rig.until([&] { return drained; });
}

}  // namespace tidegate::api::test
