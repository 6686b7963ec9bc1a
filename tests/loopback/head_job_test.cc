// A job made by HEAD: its result has the length that the upstream stated, and no body.
#include "loopback/fixture.h"

namespace tidegate::loopback {

namespace {

std::string head_request(const std::string& target, const std::string& fields = "") {
  return "HEAD " + target + " HTTP/1.1\r\nHost: example\r\n" + fields + "\r\n";
}

// The URL of the result.
std::string result_of_head(Fixture& fixture) {
  const Reply accepted = fixture.ask(head_request("/later", "Prefer: respond-async\r\n"));
  REQUIRE(accepted.status == 202);
  const std::string url = accepted.field("location");
  fixture.start_replaying();
  fixture.until_status(url.substr(7), "succeeded");
  return url + "/result";
}

}  // namespace

TEST_CASE("the result of a HEAD job has the upstream's Content-Length for HEAD, and an empty body for GET") {
  Fixture fixture;
  fixture.upstream.behave({Behaviour::Kind::respond, 200, "X-Own: yes\r\n", std::string(1234, 'x')});
  const std::string url = result_of_head(fixture);
  CHECK(fixture.upstream.seen.at(0).method == "HEAD");
  const auto client = fixture.client(head_request(url));
  const Reply result = fixture.next(*client, true);
  CHECK(result.status == 200);
  CHECK(result.field("x-own") == "yes");
  CHECK(result.count("content-length") == 1);
  CHECK(result.field("content-length") == "1234");
  client->send(get(url));
  const Reply got = fixture.next(*client);
  CHECK(got.count("content-length") == 1);
  CHECK(got.field("content-length") == "0");
  CHECK(got.whole);
}

TEST_CASE("a HEAD job whose upstream states no length has none in its result") {
  Fixture fixture;
  fixture.upstream.behave({Behaviour::Kind::respond, 200, "", "of unknown length", true});
  const Reply result = fixture.ask(head_request(result_of_head(fixture)));
  CHECK(result.status == 200);
  CHECK(result.count("content-length") == 0);
}

TEST_CASE("a HEAD request that waits for its job gets the upstream's Content-Length") {
  Fixture fixture;
  fixture.upstream.behave({Behaviour::Kind::respond, 200, "", std::string(77, 'x')});
  fixture.start_replaying();
  const Reply result = fixture.ask(head_request("/later", "Prefer: respond-async, wait=20\r\n"));
  CHECK(result.status == 200);
  CHECK(result.field("content-length") == "77");
}

}  // namespace tidegate::loopback
