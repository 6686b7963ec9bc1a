// The client and a peer that says what the test wants: split replies, garbage, silence; in virtual time.
#include "redis/reply_reader.h"
#include "unit/redis/client_fixture.h"

namespace tidegate::test {

namespace {

// The loop comes first: the peer listens in it before the client connects.
struct Fixture {
  SimLoop loop;
  ScriptedPeer peer{loop.runtime()};
  std::unique_ptr<redis::Client> client;

  explicit Fixture(const redis::ClientOptions& options = {})
      : client(std::make_unique<redis::Client>(loop.runtime(), peer.address(), options)) {}
  Fixture(const redis::ClientOptions& options, std::vector<std::string> answers) : Fixture(options) {
    peer.answers = std::move(answers);
    REQUIRE(loop.run_until([&] { return client->ready(); }));
  }
  void begin(Asked& asked, std::vector<std::string> command) {
    asked.handle = client->ask(std::move(command), asked.callback());
  }
  void finish(Asked& asked) {
    REQUIRE(loop.run_until([&] { return asked.result.has_value(); }));
  }
};

}  // namespace

TEST_CASE("replies are understood wherever they are split, and however many come together") {
  const std::string replies = "+OK\r\n:-42\r\n$-1\r\n$0\r\n\r\n*2\r\n$3\r\na\r\n\r\n*-1\r\n-ERR no\r\n*0\r\n";
  for (size_t piece = 1; piece <= replies.size(); ++piece) {
    redis::ReplyReader reader(1000);
    std::vector<Reply> found;
    for (size_t at = 0; at < replies.size(); at += piece) {
      reader.feed(std::string_view(replies).substr(at, piece));
      for (;;) {
        auto next = reader.next();
        REQUIRE(next.ok());
        if (!next->has_value()) break;
        found.push_back(std::move(**next));
      }
    }
    REQUIRE(found.size() == 7);
    CHECK(found[0].text == "OK");
    CHECK(found[1].integer == -42);
    CHECK(found[2].is_nil());
    CHECK((found[3].kind == Kind::text && found[3].text.empty()));
    REQUIRE(found[4].items.size() == 2);
    CHECK(found[4].items[0].text == "a\r\n");
    CHECK(found[4].items[1].is_nil());
    CHECK((found[5].is_error() && found[5].text == "ERR no"));
    CHECK((found[6].kind == Kind::array && found[6].items.empty()));
  }
}

TEST_CASE("what is not RESP breaks the connection: the first command fails so, the others as unavailable") {
  for (const char* garbage : {"HTTP/1.1 400 Bad Request\r\n\r\n", ":12x\r\n", "$-7\r\n", "$abc\r\n",
                              "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"}) {
    CAPTURE(garbage);
    Fixture fixture({}, {garbage});
    Asked first, second;
    fixture.begin(first, {"GET", "a"});
    fixture.begin(second, {"GET", "b"});
    fixture.finish(second);
    CHECK(first.error() == ErrorCode::invalid);
    CHECK(second.error() == ErrorCode::unavailable);
    REQUIRE(fixture.loop.run_until([&] { return fixture.peer.accepted == 2 && fixture.client->ready(); }));
  }
}

TEST_CASE("a reply above the bound breaks the connection before it is whole") {
  Fixture fixture({.reply_bytes_max = 1000}, {"$100000\r\n" + std::string(2000, 'x')});
  Asked asked;
  fixture.begin(asked, {"GET", "a"});
  fixture.finish(asked);
  CHECK(asked.error() == ErrorCode::exhausted);
}

TEST_CASE("a reply to no command breaks the connection") {
  Fixture fixture({}, {});
  fixture.peer.say("+surprise\r\n");
  REQUIRE(fixture.loop.run_until([&] { return !fixture.client->ready(); }));
  CHECK(fixture.client->why_not_ready() == "a reply to no command");
}

TEST_CASE("a server that is loading is not ready, and says so") {
  Fixture fixture;
  fixture.peer.greeting = "-LOADING Redis is loading the dataset in memory\r\n";
  REQUIRE(fixture.loop.run_until([&] { return fixture.client->why_not_ready().find("LOADING") != std::string::npos; }));
  Asked asked;
  fixture.begin(asked, {"GET", "a"});
  CHECK_FALSE(asked.result.has_value());  // never inside the call
  fixture.finish(asked);
  CHECK(asked.error() == ErrorCode::unavailable);
  fixture.peer.greeting = "+PONG\r\n";
  REQUIRE(fixture.loop.run_until([&] { return fixture.client->ready(); }));
}

TEST_CASE("the listener is called once when the first connection has failed, and then on changes") {
  Fixture fixture;
  std::vector<bool> heard;
  fixture.client->on_change([&] { heard.push_back(fixture.client->ready()); });
  fixture.peer.greeting = "-LOADING\r\n";
  fixture.loop.impl.run_for(5s);
  CHECK(heard == std::vector<bool>{false});
  fixture.peer.greeting = "+PONG\r\n";
  fixture.loop.impl.run_for(5s);
  CHECK(heard == std::vector<bool>{false, true});
}

TEST_CASE("a server that forbids PING is ready: commands get its errors") {
  Fixture fixture;
  fixture.peer.greeting = "-NOPERM this user has no permissions to run the 'ping' command\r\n";
  fixture.peer.answers = {"-LOADING later\r\n"};
  REQUIRE(fixture.loop.run_until([&] { return fixture.client->ready(); }));
  Asked asked;
  fixture.begin(asked, {"GET", "a"});
  fixture.finish(asked);
  CHECK(asked.reply().text == "LOADING later");
  CHECK(fixture.client->ready());
}

TEST_CASE("silence breaks the connection after the time-out of its first command, to the millisecond") {
  Fixture fixture({.command_timeout = 1s}, {});
  Asked first, second;
  const Time asked_at = fixture.loop.runtime().now();
  fixture.begin(first, {"GET", "a"});
  fixture.loop.impl.run_for(400ms);
  fixture.begin(second, {"GET", "b"});
  fixture.finish(first);
  CHECK(fixture.loop.runtime().now() - asked_at == 1s);
  CHECK(first.error() == ErrorCode::timeout);
  CHECK(second.error() == ErrorCode::unavailable);
}

TEST_CASE("a script is whole the first time on a connection, short then, and a NOSCRIPT never loops") {
  Fixture fixture({}, {":1\r\n", "-NOSCRIPT gone\r\n", "-NOSCRIPT still\r\n"});
  const redis::Script script("return 1");
  for (const char* expected : {"", "NOSCRIPT still"}) {
    Asked asked;
    asked.handle = fixture.client->run(script, {"k"}, {"v"}, asked.callback());
    fixture.finish(asked);
    CHECK(asked.reply().text == expected);
  }
  const auto count = [&](const std::string& word) {
    size_t found = 0;
    for (size_t at = fixture.peer.heard.find(word); at != std::string::npos; at = fixture.peer.heard.find(word, at + 1))
      ++found;
    return found;
  };
  CHECK(count("$4\r\nEVAL\r\n") == 2);
  CHECK(count("$7\r\nEVALSHA\r\n") == 1);
}

TEST_CASE("more than the bounds is refused at once, and earlier commands get their replies") {
  Fixture fixture({.pending_max = 2, .pending_bytes_max = 200}, {":1\r\n:2\r\n"});
  Asked large, first, second, third;
  fixture.begin(large, {"SET", "k", std::string(200, 'x')});
  fixture.begin(first, {"INCR", "n"});
  fixture.begin(second, {"INCR", "n"});
  fixture.begin(third, {"INCR", "n"});
  fixture.finish(third);
  fixture.finish(second);
  CHECK(large.error() == ErrorCode::exhausted);
  CHECK(third.error() == ErrorCode::exhausted);
  CHECK(first.reply().integer == 1);
  CHECK(second.reply().integer == 2);
}

TEST_CASE("a dropped handle is silent, and its reply does not slip to the next command") {
  Fixture fixture({}, {":1\r\n:2\r\n"});
  Asked dropped, kept;
  fixture.begin(dropped, {"INCR", "n"});
  fixture.begin(kept, {"INCR", "n"});
  dropped.handle.reset();
  fixture.finish(kept);
  CHECK_FALSE(dropped.result.has_value());
  CHECK(kept.reply().integer == 2);
}

TEST_CASE("the client may be destroyed inside any of its callbacks, and is silent from then on") {
  for (const std::string place : {"reply", "refusal", "break", "change"}) {
    CAPTURE(place);
    Fixture fixture({.pending_max = 2}, {":1\r\n:2\r\n"});
    if (place == "break") fixture.peer.answers.clear();
    int calls = 0;
    const auto destroy = [&](const Result<Reply>&) {
      ++calls;
      fixture.client.reset();
    };
    if (place == "change")
      fixture.client->on_change([&] {
        ++calls;
        fixture.client.reset();
      });
    const auto first = fixture.client->ask(
        {"INCR", "n"}, place == "refusal" ? [](const Result<Reply>&) {} : redis::ReplyCallback(destroy));
    const auto second = fixture.client->ask({"INCR", "n"}, destroy);
    std::vector<std::unique_ptr<net::Operation>> refused;
    if (place == "refusal") {
      refused.push_back(fixture.client->ask({"INCR", "n"}, destroy));
      refused.push_back(fixture.client->ask({"INCR", "n"}, destroy));
    }
    if (place == "change") fixture.peer.close_all();
    fixture.loop.impl.run_for(5s);
    CHECK(calls == 1);
    CHECK_FALSE(fixture.client);
  }
}

TEST_CASE("a server that ends every connection is connected to again ever more rarely") {
  Fixture fixture({.reconnect_base = 50ms, .reconnect_max = 2s});
  fixture.peer.greeting = "-NOAUTH Authentication required.\r\n";
  fixture.loop.impl.run_for(10s);
  const int early = fixture.peer.accepted;
  CHECK(early >= 6);
  CHECK(early <= 40);
  fixture.loop.impl.run_for(100s);
  CHECK(fixture.peer.accepted - early >= 60);  // a mean of one second between them
  CHECK(fixture.peer.accepted - early <= 160);
}

TEST_CASE("a host name is resolved, and its next address used where the first refuses") {
  SimLoop loop;
  ScriptedPeer peer(loop.runtime());
  loop.impl.add_name("redis", {*IpAddress::parse("127.0.0.9"), *IpAddress::parse("127.0.0.1")});
  redis::Address address = peer.address();
  address.host = "redis";
  redis::Client client(loop.runtime(), address);
  CHECK(loop.run_until([&] { return client.ready(); }));
  address.host = "nowhere";
  redis::Client lost(loop.runtime(), address);
  CHECK(loop.run_until([&] { return lost.why_not_ready().find("nowhere") != std::string::npos; }));
}

}  // namespace tidegate::test
