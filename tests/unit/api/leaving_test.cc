// What an upload leaves behind that comes to nothing.
#include "unit/api/rig.h"
#include "unit/http/raw_client.h"

namespace tidegate::api::test {

TEST_CASE("a client that goes leaves nothing, wherever its upload is") {
  Rig rig;
  const auto originals = rig.state() / "originals";
  SUBCASE("while Tidegate is asked") {
    auto call = rig.begin_upload(Rig::form("NWS"));
    rig.until([&] { return rig.tidegate->held() == 1; });
    CHECK(files_in(originals) == 1);
    call.reset();
    rig.until([&] { return rig.tidegate->held() == 0; });
  }
  SUBCASE("while it is stored, and a new upload of the same comes and goes") {
    for (int i = 0; i < 20; ++i) {
      auto call = rig.begin_upload(Rig::form("NWS"));
      rig.until([&] { return rig.service().flights().size() == 1; });
      for (int turn = 0; turn < i && rig.tidegate->held() == 0; ++turn) rig.run_once();
      call.reset();
      rig.until([&] { return rig.service().flights().size() == 0 && rig.tidegate->held() == 0; });
    }
  }
  rig.until([&] { return rig.service().flights().leaving() == 0 && rig.service().flights().size() == 0; });
  CHECK(files_in(originals) == 0);
  CHECK(files_in(rig.state() / "temp") == 0);
  CHECK(rig.service().budget().used() == 0);
  answer_all(rig, marked());
  CHECK(rig.upload().status == 200);
  CHECK(files_in(originals) == 1);
}

TEST_CASE("what is made or promised when its client goes is stored all the same") {
  Rig rig;
  bool queued = false;
  SUBCASE("made") {}
  SUBCASE("promised") { queued = true; }
  auto call = rig.begin_upload(Rig::form("NWS"));
  rig.until([&] { return rig.tidegate->held() == 1; });
  rig.tidegate->answer = [&](const Seen&) { return Answer{200, "application/json", R"({"status":"queued"})", ""}; };
  rig.tidegate->release(queued ? Answer{202, "application/json",
                                        R"({"job_id":"1","status_url":"/_jobs/1","result_url":"/_jobs/1/r"})", ""}
                               : marked());
  const auto folder = rig.state() / (queued ? "jobs" : "results");
  rig.until([&] { return files_in(folder) == 1 || files_in(rig.state() / "temp") == 1; });
  call.reset();
  rig.until([&] { return rig.service().flights().size() == 0; });
  CHECK(files_in(folder) == 1);
  CHECK(files_in(rig.state() / "originals") == 1);
  CHECK(rig.upload().status == (queued ? 202 : 200));
}

TEST_CASE("what the optimizer refuses leaves nothing; what may work later keeps the original") {
  for (const uint16_t status : {400, 404, 413, 415, 422}) {
    CAPTURE(status);
    Rig rig;
    answer_all(rig, {status, "application/problem+json", R"({"reason":"theirs"})", ""});
    CHECK(rig.upload().status == status);
    rig.until([&] { return rig.service().flights().leaving() == 0; });
    for (const char* folder : {"originals", "results", "jobs", "temp"}) CHECK(files_in(rig.state() / folder) == 0);
  }
  for (const uint16_t status : {408, 425, 429, 500, 503}) {
    CAPTURE(status);
    Rig rig;
    answer_all(rig, {status, "application/problem+json", R"({"reason":"theirs"})", ""});
    CHECK(rig.upload().status == status);
    CHECK(rig.service().flights().leaving() == 0);
    CHECK(files_in(rig.state() / "originals") == 1);
  }
}

TEST_CASE("a picture that is refused after its job had failed leaves neither original nor job") {
  Rig rig;
  rig.tidegate->answer = [](const Seen& seen) {
    if (seen.method == "GET") return Answer{404, "", "", ""};
    return Answer{202, "application/json", R"({"job_id":"1","status_url":"/_jobs/1","result_url":"/_jobs/1/r"})", ""};
  };
  CHECK(rig.upload().status == 202);
  CHECK(files_in(rig.state() / "jobs") == 1);
  rig.tidegate->answer = [](const Seen& seen) {
    return Answer{static_cast<uint16_t>(seen.method == "GET" ? 404 : 422), "application/problem+json", "{}", ""};
  };
  CHECK(rig.upload().status == 422);
  rig.until([&] { return rig.service().flights().leaving() == 0; });
  for (const char* folder : {"originals", "results", "jobs", "temp"}) CHECK(files_in(rig.state() / folder) == 0);
}

TEST_CASE("draining waits until what was stored in vain is removed") {
  Rig rig;
  auto call = rig.begin_upload(Rig::form("NWS"));
  rig.until([&] { return rig.tidegate->held() == 1; });
  bool drained = false;
  rig.service().drain([&] {
    CHECK(files_in(rig.state() / "originals") == 0);
    drained = true;
  });
  call.reset();
  rig.until([&] { return drained; });
  CHECK(rig.service().flights().size() == 0);
}

TEST_CASE("the largest picture with the longest heads and text still fits") {
  constexpr size_t kLargest = 100'000;
  Rig rig({}, kLargest);
  answer_all(rig, marked());
  http::FetchRequest request;
  request.method = "POST";
  request.target = "/upload";
  const std::string boundary(70, 'b');
  request.fields = {{"Content-Type", "multipart/form-data; boundary=" + boundary}};
  const auto add = [&](const std::string& name, const std::string& data) {
    std::string head = "Content-Disposition: form-data; name=\"" + name + "\"; filename=\"\"\r\n";
    head.insert(head.size() - 3, std::string(4096 - head.size(), 'x'));
    request.body += "--" + boundary + "\r\n" + head + "\r\n" + data + "\r\n";
  };
  add("image", a_png(kLargest - a_png().size() - 12));
  std::string text;
  for (int i = 0; i < 200; ++i) text += "\xF0\x9F\x8C\x8A";
  add("wm_text", text);
  add("wm_position", "bottom-right");
  request.body += "--" + boundary + "--\r\n";
  CHECK(rig.await(*rig.begin(std::move(request))).status == 200);
  REQUIRE(rig.tidegate->seen.size() == 1);
  CHECK(rig.tidegate->seen[0].body.size() == kLargest);
}

TEST_CASE("an upload with two types, or packed, is refused by its head") {
  Rig rig;
  const std::pair<std::string, std::string> type{"Content-Type", "multipart/form-data; boundary=here"};
  CHECK(rig.fetch("POST", "/upload", {type, {"Content-Type", "multipart/form-data; boundary=there"}}, "--").status ==
        400);
  CHECK(rig.fetch("POST", "/upload", {type, {"Content-Encoding", "gzip"}}, "--").status == 415);
  CHECK(rig.fetch("POST", "/upload", {type, {"Content-Encoding", "identity"}}, "--").status == 400);  // too short
}

TEST_CASE("a form that does not arrive in time is refused, and leaves nothing") {
  ServiceLimits limits;
  limits.form_timeout = 20ms;
  Rig rig(limits);
  const std::string body = "--here\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\n" + a_png();
  tidegate::test::RawClient client(rig.runtime(), rig.service().address(),
                                   "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n"
                                   "Content-Type: multipart/form-data; boundary=here\r\n\r\n" +
                                       body);
  rig.until([&] { return client.over(); });
  CHECK(client.has("HTTP/1.1 408 "));
  CHECK(client.has("The form did not arrive in time."));
  CHECK(rig.service().budget().used() == 0);
  CHECK(rig.tidegate->seen.empty());
  CHECK(files_in(rig.state() / "originals") == 0);
}

}  // namespace tidegate::api::test
