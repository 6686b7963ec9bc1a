// What remains of an upload that is cancelled, refused or fails.
#include "unit/api/fixture.h"
#include "unit/http/raw_client.h"

namespace tidegate::api::test {

TEST_CASE("a client that disconnects leaves nothing, whatever the state of its upload") {
  Fixture fixture;
  const auto originals = fixture.state() / "originals";
  SUBCASE("during the request to Tidegate") {
    auto call = fixture.begin_upload(Fixture::form("NWS"));
    fixture.until([&] { return fixture.tidegate->held() == 1; });
    CHECK(files_in(originals) == 1);
    call.reset();
    fixture.until([&] { return fixture.tidegate->held() == 0; });
  }
  SUBCASE("while storing, with new uploads of the same key coming and going") {
    for (int i = 0; i < 20; ++i) {
      auto call = fixture.begin_upload(Fixture::form("NWS"));
      fixture.until([&] { return fixture.service().flights().size() == 1; });
      for (int turn = 0; turn < i && fixture.tidegate->held() == 0; ++turn) fixture.run_once();
      call.reset();
      fixture.until([&] { return fixture.service().flights().size() == 0 && fixture.tidegate->held() == 0; });
    }
  }
  fixture.until([&] { return fixture.service().flights().removals() == 0 && fixture.service().flights().size() == 0; });
  CHECK(files_in(originals) == 0);
  CHECK(files_in(fixture.state() / "temp") == 0);
  CHECK(fixture.service().budget().used() == 0);
  respond_to_all(fixture, marked());
  CHECK(fixture.upload().status == 200);
  CHECK(files_in(originals) == 1);
}

TEST_CASE("a result or job that arrives after its client disconnected is stored all the same") {
  Fixture fixture;
  bool queued = false;
  SUBCASE("made") {}
  SUBCASE("promised") { queued = true; }
  auto call = fixture.begin_upload(Fixture::form("NWS"));
  fixture.until([&] { return fixture.tidegate->held() == 1; });
  fixture.tidegate->respond = [&](const Seen&) {
    return Response{200, "application/json", R"({"status":"queued"})", ""};
  };
  fixture.tidegate->release(queued ? Response{202, "application/json",
                                              R"({"job_id":"1","status_url":"/_jobs/1","result_url":"/_jobs/1/r"})", ""}
                                   : marked());
  const auto folder = fixture.state() / (queued ? "jobs" : "results");
  fixture.until([&] { return files_in(folder) == 1 || files_in(fixture.state() / "temp") == 1; });
  call.reset();
  fixture.until([&] { return fixture.service().flights().size() == 0; });
  CHECK(files_in(folder) == 1);
  CHECK(files_in(fixture.state() / "originals") == 1);
  CHECK(fixture.upload().status == (queued ? 202 : 200));
}

TEST_CASE("a refusal of the optimizer leaves nothing, and a temporary error keeps the original") {
  for (const uint16_t status : {400, 404, 413, 415, 422}) {
    CAPTURE(status);
    Fixture fixture;
    respond_to_all(fixture, {status, "application/problem+json", R"({"reason":"theirs"})", ""});
    CHECK(fixture.upload().status == status);
    fixture.until([&] { return fixture.service().flights().removals() == 0; });
    for (const char* folder : {"originals", "results", "jobs", "temp"}) CHECK(files_in(fixture.state() / folder) == 0);
  }
  for (const uint16_t status : {408, 425, 429, 500, 503}) {
    CAPTURE(status);
    Fixture fixture;
    respond_to_all(fixture, {status, "application/problem+json", R"({"reason":"theirs"})", ""});
    CHECK(fixture.upload().status == status);
    CHECK(fixture.service().flights().removals() == 0);
    CHECK(files_in(fixture.state() / "originals") == 1);
  }
}

TEST_CASE("a refusal after a failed job leaves neither original nor job") {
  Fixture fixture;
  fixture.tidegate->respond = [](const Seen& seen) {
    if (seen.method == "GET") return Response{404, "", "", ""};
    return Response{202, "application/json", R"({"job_id":"1","status_url":"/_jobs/1","result_url":"/_jobs/1/r"})", ""};
  };
  CHECK(fixture.upload().status == 202);
  CHECK(files_in(fixture.state() / "jobs") == 1);
  fixture.tidegate->respond = [](const Seen& seen) {
    return Response{static_cast<uint16_t>(seen.method == "GET" ? 404 : 422), "application/problem+json", "{}", ""};
  };
  CHECK(fixture.upload().status == 422);
  fixture.until([&] { return fixture.service().flights().removals() == 0; });
  for (const char* folder : {"originals", "results", "jobs", "temp"}) CHECK(files_in(fixture.state() / folder) == 0);
}

TEST_CASE("draining waits until the originals of failed uploads are removed") {
  Fixture fixture;
  auto call = fixture.begin_upload(Fixture::form("NWS"));
  fixture.until([&] { return fixture.tidegate->held() == 1; });
  bool drained = false;
  fixture.service().drain([&] {
    CHECK(files_in(fixture.state() / "originals") == 0);
    drained = true;
  });
  call.reset();
  fixture.until([&] { return drained; });
  CHECK(fixture.service().flights().size() == 0);
}

TEST_CASE("the largest picture with the longest headers and text fits into the limits") {
  constexpr size_t kLargest = 100'000;
  Fixture fixture({}, kLargest);
  respond_to_all(fixture, marked());
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
  CHECK(fixture.await(*fixture.begin(std::move(request))).status == 200);
  REQUIRE(fixture.tidegate->seen.size() == 1);
  CHECK(fixture.tidegate->seen[0].body.size() == kLargest);
}

TEST_CASE("an upload with two Content-Types or a Content-Encoding is refused by its headers") {
  Fixture fixture;
  const std::pair<std::string, std::string> type{"Content-Type", "multipart/form-data; boundary=here"};
  CHECK(
      fixture.fetch("POST", "/upload", {type, {"Content-Type", "multipart/form-data; boundary=there"}}, "--").status ==
      400);
  CHECK(fixture.fetch("POST", "/upload", {type, {"Content-Encoding", "gzip"}}, "--").status == 415);
  CHECK(fixture.fetch("POST", "/upload", {type, {"Content-Encoding", "identity"}}, "--").status == 400);  // too short
}

TEST_CASE("a form that times out is refused and leaves nothing") {
  ServiceLimits limits;
  limits.form_timeout = 20ms;
  Fixture fixture(limits);
  const std::string body = "--here\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\n" + a_png();
  tidegate::test::RawClient client(fixture.runtime(), fixture.service().address(),
                                   "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n"
                                   "Content-Type: multipart/form-data; boundary=here\r\n\r\n" +
                                       body);
  fixture.until([&] { return client.over(); });
  CHECK(client.has("HTTP/1.1 408 "));
  CHECK(client.has("The form did not arrive in time."));
  CHECK(fixture.service().budget().used() == 0);
  CHECK(fixture.tidegate->seen.empty());
  CHECK(files_in(fixture.state() / "originals") == 0);
}

}  // namespace tidegate::api::test
