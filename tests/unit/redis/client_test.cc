// The client and a peer that says what the test wants: split replies, garbage, silence; in virtual time.
#include "redis/reply_reader.h"
#include "unit/redis/rig.h"

namespace tidegate::test {

namespace {

// The world comes first: the peer listens in it before the client connects.
struct Rig {
  SimWorld world;
  ScriptedPeer peer{world.runtime()};
  std::unique_ptr<redis::Client> client;

  explicit Rig(const redis::ClientOptions& options = {})
      : client(std::make_unique<redis::Client>(world.runtime(), peer.address(), options)) {}
  Rig(const redis::ClientOptions& options, std::vector<std::string> answers) : Rig(options) {
    peer.answers = std::move(answers);
    REQUIRE(world.run_until([&] { return client->ready(); }));
  }
  void begin(Asked& asked, std::vector<std::string> command) {
    asked.handle = client->ask(std::move(command), asked.callback());
  }
  void finish(Asked& asked) {
    REQUIRE(world.run_until([&] { return asked.result.has_value(); }));
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

TEST_CASE("what is not RESP breaks the connection: the first is told so, the others that the server is away") {
  for (const char* garbage : {"HTTP/1.1 400 Bad Request\r\n\r\n", ":12x\r\n", "$-7\r\n", "$abc\r\n",
                              "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"}) {
    CAPTURE(garbage);
    Rig rig({}, {garbage});
    Asked first, second;
    rig.begin(first, {"GET", "a"});
    rig.begin(second, {"GET", "b"});
    rig.finish(second);
    CHECK(first.error() == ErrorCode::invalid);
    CHECK(second.error() == ErrorCode::unavailable);
    REQUIRE(rig.world.run_until([&] { return rig.peer.accepted == 2 && rig.client->ready(); }));
  }
}

TEST_CASE("a reply above the bound breaks the connection before it is whole") {
  Rig rig({.reply_bytes_max = 1000}, {"$100000\r\n" + std::string(2000, 'x')});
  Asked asked;
  rig.begin(asked, {"GET", "a"});
  rig.finish(asked);
  CHECK(asked.error() == ErrorCode::exhausted);
}

TEST_CASE("a reply that nobody asked for breaks the connection") {
  Rig rig({}, {});
  rig.peer.say("+surprise\r\n");
  REQUIRE(rig.world.run_until([&] { return !rig.client->ready(); }));
  CHECK(rig.client->why_not_ready() == "a reply that nobody asked for");
}

TEST_CASE("a server that is loading is not ready, and says so") {
  Rig rig;
  rig.peer.greeting = "-LOADING Redis is loading the dataset in memory\r\n";
  REQUIRE(rig.world.run_until([&] { return rig.client->why_not_ready().find("LOADING") != std::string::npos; }));
  Asked asked;
  rig.begin(asked, {"GET", "a"});
  CHECK_FALSE(asked.result.has_value());  // never inside the call
  rig.finish(asked);
  CHECK(asked.error() == ErrorCode::unavailable);
  rig.peer.greeting = "+PONG\r\n";
  REQUIRE(rig.world.run_until([&] { return rig.client->ready(); }));
}

TEST_CASE("the listener hears that the first connection has failed, once, and then of changes") {
  Rig rig;
  std::vector<bool> heard;
  rig.client->on_change([&] { heard.push_back(rig.client->ready()); });
  rig.peer.greeting = "-LOADING\r\n";
  rig.world.loop.run_for(5s);
  CHECK(heard == std::vector<bool>{false});
  rig.peer.greeting = "+PONG\r\n";
  rig.world.loop.run_for(5s);
  CHECK(heard == std::vector<bool>{false, true});
}

TEST_CASE("a server that forbids PING is ready: commands are told what it thinks of them") {
  Rig rig;
  rig.peer.greeting = "-NOPERM this user has no permissions to run the 'ping' command\r\n";
  rig.peer.answers = {"-LOADING later\r\n"};
  REQUIRE(rig.world.run_until([&] { return rig.client->ready(); }));
  Asked asked;
  rig.begin(asked, {"GET", "a"});
  rig.finish(asked);
  CHECK(asked.reply().text == "LOADING later");
  CHECK(rig.client->ready());
}

TEST_CASE("silence breaks the connection after the time-out of its first command, to the millisecond") {
  Rig rig({.command_timeout = 1s}, {});
  Asked first, second;
  const Time asked_at = rig.world.runtime().now();
  rig.begin(first, {"GET", "a"});
  rig.world.loop.run_for(400ms);
  rig.begin(second, {"GET", "b"});
  rig.finish(first);
  CHECK(rig.world.runtime().now() - asked_at == 1s);
  CHECK(first.error() == ErrorCode::timeout);
  CHECK(second.error() == ErrorCode::unavailable);
}

TEST_CASE("a script is whole the first time on a connection, short then, and a NOSCRIPT never goes round") {
  Rig rig({}, {":1\r\n", "-NOSCRIPT gone\r\n", "-NOSCRIPT still\r\n"});
  const redis::Script script("return 1");
  for (const char* expected : {"", "NOSCRIPT still"}) {
    Asked asked;
    asked.handle = rig.client->run(script, {"k"}, {"v"}, asked.callback());
    rig.finish(asked);
    CHECK(asked.reply().text == expected);
  }
  const auto count = [&](const std::string& word) {
    size_t found = 0;
    for (size_t at = rig.peer.heard.find(word); at != std::string::npos; at = rig.peer.heard.find(word, at + 1))
      ++found;
    return found;
  };
  CHECK(count("$4\r\nEVAL\r\n") == 2);
  CHECK(count("$7\r\nEVALSHA\r\n") == 1);
}

TEST_CASE("more than the bounds is refused at once, and what was asked before is answered") {
  Rig rig({.pending_max = 2, .pending_bytes_max = 200}, {":1\r\n:2\r\n"});
  Asked large, first, second, third;
  rig.begin(large, {"SET", "k", std::string(200, 'x')});
  rig.begin(first, {"INCR", "n"});
  rig.begin(second, {"INCR", "n"});
  rig.begin(third, {"INCR", "n"});
  rig.finish(third);
  rig.finish(second);
  CHECK(large.error() == ErrorCode::exhausted);
  CHECK(third.error() == ErrorCode::exhausted);
  CHECK(first.reply().integer == 1);
  CHECK(second.reply().integer == 2);
}

TEST_CASE("a dropped handle is silent, and its reply does not slip to the next command") {
  Rig rig({}, {":1\r\n:2\r\n"});
  Asked dropped, kept;
  rig.begin(dropped, {"INCR", "n"});
  rig.begin(kept, {"INCR", "n"});
  dropped.handle.reset();
  rig.finish(kept);
  CHECK_FALSE(dropped.result.has_value());
  CHECK(kept.reply().integer == 2);
}

TEST_CASE("the client may be destroyed inside any of its callbacks, and is silent from then on") {
  for (const std::string place : {"reply", "refusal", "break", "change"}) {
    CAPTURE(place);
    Rig rig({.pending_max = 2}, {":1\r\n:2\r\n"});
    if (place == "break") rig.peer.answers.clear();
    int calls = 0;
    const auto destroy = [&](const Result<Reply>&) {
      ++calls;
      rig.client.reset();
    };
    if (place == "change")
      rig.client->on_change([&] {
        ++calls;
        rig.client.reset();
      });
    const auto first = rig.client->ask(
        {"INCR", "n"}, place == "refusal" ? [](const Result<Reply>&) {} : redis::ReplyCallback(destroy));
    const auto second = rig.client->ask({"INCR", "n"}, destroy);
    std::vector<std::unique_ptr<net::Operation>> refused;
    if (place == "refusal") {
      refused.push_back(rig.client->ask({"INCR", "n"}, destroy));
      refused.push_back(rig.client->ask({"INCR", "n"}, destroy));
    }
    if (place == "change") rig.peer.close_all();
    rig.world.loop.run_for(5s);
    CHECK(calls == 1);
    CHECK_FALSE(rig.client);
  }
}

TEST_CASE("a server that ends every connection is tried again ever more rarely") {
  Rig rig({.reconnect_base = 50ms, .reconnect_max = 2s});
  rig.peer.greeting = "-NOAUTH Authentication required.\r\n";
  rig.world.loop.run_for(10s);
  const int early = rig.peer.accepted;
  CHECK(early >= 6);
  CHECK(early <= 40);
  rig.world.loop.run_for(100s);
  CHECK(rig.peer.accepted - early >= 60);  // a mean of one second between them
  CHECK(rig.peer.accepted - early <= 160);
}

TEST_CASE("a host name is resolved, and its next address tried where the first refuses") {
  SimWorld world;
  ScriptedPeer peer(world.runtime());
  world.loop.add_name("redis", {*IpAddress::parse("127.0.0.9"), *IpAddress::parse("127.0.0.1")});
  redis::Address address = peer.address();
  address.host = "redis";
  redis::Client client(world.runtime(), address);
  CHECK(world.run_until([&] { return client.ready(); }));
  address.host = "nowhere";
  redis::Client lost(world.runtime(), address);
  CHECK(world.run_until([&] { return lost.why_not_ready().find("nowhere") != std::string::npos; }));
}

}  // namespace tidegate::test
