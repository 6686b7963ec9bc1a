// The client with a real server: what is asked is answered, in order, whatever the server does in between.
#include <algorithm>

#include "support/redis_server.h"
#include "unit/redis/client_fixture.h"

namespace tidegate::test {

using ServerFixture = ClientFixture<UvLoop>;

TEST_CASE("every kind of reply of a real server arrives as it is") {
  NEEDS_REDIS();
  RedisServer server;
  ServerFixture fixture(server.address());
  REQUIRE(fixture.becomes_ready());
  CHECK(fixture.client.why_not_ready().empty());
  CHECK(fixture.ask({"SET", "k", std::string("a\r\n\0b", 5)}).text == "OK");
  CHECK(fixture.ask({"GET", "k"}).text == std::string("a\r\n\0b", 5));
  CHECK(fixture.ask({"GET", "none"}).is_nil());
  CHECK(fixture.ask({"INCRBY", "n", "-7"}).integer == -7);
  const Reply error = fixture.ask({"INCR", "k"});
  CHECK(error.is_error());
  CHECK(error.text.starts_with("ERR value is not an integer"));
  const Reply nested =
      fixture.run(redis::Script("return {1, {'x', false, {}}, KEYS[1], ARGV[1]}"), {"key"}, {"argument"});
  REQUIRE(nested.items.size() == 4);
  CHECK(nested.items[0].integer == 1);
  REQUIRE(nested.items[1].items.size() == 3);
  CHECK(nested.items[1].items[0].text == "x");
  CHECK(nested.items[1].items[1].is_nil());
  CHECK(nested.items[1].items[2].kind == Kind::array);
  CHECK(nested.items[2].text == "key");
  CHECK(nested.items[3].text == "argument");
}

TEST_CASE("the replies of commands sent in one iteration come in their order") {
  NEEDS_REDIS();
  RedisServer server;
  ServerFixture fixture(server.address());
  REQUIRE(fixture.becomes_ready());
  constexpr int kCount = 4000;
  std::vector<int64_t> answers;
  std::vector<std::unique_ptr<net::Operation>> handles;
  for (int i = 0; i < kCount; ++i)
    handles.push_back(
        fixture.client.ask({"INCR", "n"}, [&](Result<Reply> reply) { answers.push_back(reply->integer); }));
  CHECK(answers.empty());  // never inside the call
  CHECK(fixture.client.commands_pending() == kCount);
  REQUIRE(fixture.loop.run_until([&] { return answers.size() == kCount; }));
  for (int i = 0; i < kCount; ++i) REQUIRE(answers[static_cast<size_t>(i)] == i + 1);
  CHECK(fixture.client.commands_pending() == 0);
}

TEST_CASE("a value of 24 MiB goes there and back whole, and small commands around it keep their order") {
  NEEDS_REDIS();
  RedisServer server;
  ServerFixture fixture(server.address(), {.command_timeout = 20s});
  REQUIRE(fixture.becomes_ready());
  std::string value(24 << 20, ' ');
  for (size_t i = 0; i < value.size(); ++i) value[i] = static_cast<char>((i * 7919) >> 5);
  Asked before, set, length, get;
  fixture.begin(before, {"SET", "small", "1"});
  fixture.begin(set, {"SET", "large", value});
  CHECK(fixture.client.write_pending() > 0);
  fixture.begin(length, {"STRLEN", "large"});
  fixture.begin(get, {"GET", "large"});
  fixture.finish(get);
  CHECK(before.reply().text == "OK");
  CHECK(set.reply().text == "OK");
  CHECK(length.reply().integer == static_cast<int64_t>(value.size()));
  CHECK(get.reply().text == value);
  CHECK(fixture.client.write_pending() == 0);
}

TEST_CASE("a script is known after its first run, and sent whole again when the server has lost it") {
  NEEDS_REDIS();
  RedisServer server;
  ServerFixture fixture(server.address());
  REQUIRE(fixture.becomes_ready());
  const redis::Script script("return redis.call('INCRBY', KEYS[1], ARGV[1])");
  CHECK(script.sha1() == server.ask({"SCRIPT", "LOAD", script.source()}).text);
  server.ask({"SCRIPT", "FLUSH"});
  CHECK(fixture.run(script, {"n"}, {"1"}).integer == 1);
  CHECK(fixture.run(script, {"n"}, {"1"}).integer == 2);
  CHECK(server.ask({"INFO", "commandstats"}).text.find("cmdstat_evalsha:calls=1,") != std::string::npos);
  CHECK(server.ask({"SCRIPT", "FLUSH"}).text == "OK");
  Asked first, second;
  fixture.begin(first, script, {"n"}, {"10"});
  fixture.begin(second, script, {"n"}, {"100"});
  fixture.finish(second);
  CHECK(first.reply().integer == 12);
  CHECK(second.reply().integer == 112);
  server.stop();
  REQUIRE(fixture.becomes_ready(false));
  server.start();
  REQUIRE(fixture.becomes_ready());
  CHECK(fixture.run(script, {"n"}, {"1"}).integer == 1);
}

TEST_CASE("password and database are given before anything else; a wrong one is named as the reason") {
  NEEDS_REDIS();
  RedisServer server({.password = "secret"});
  ServerFixture right(server.address(3));
  REQUIRE(right.becomes_ready());
  CHECK(right.ask({"SET", "here", "1"}).text == "OK");
  ServerFixture other(server.address(0));
  REQUIRE(other.becomes_ready());
  CHECK(other.ask({"GET", "here"}).is_nil());

  const auto refused = [&](redis::Address address, const std::string& why) {
    ServerFixture fixture(address);
    REQUIRE(fixture.loop.run_until([&] { return fixture.client.why_not_ready().find(why) != std::string::npos; }));
    CHECK_FALSE(fixture.client.ready());
    Asked asked;
    fixture.begin(asked, {"PING"});
    fixture.finish(asked);
    CHECK(asked.error() == ErrorCode::unavailable);
    CHECK(asked.result->error().message.find("secret") == std::string::npos);
  };
  redis::Address address = server.address();
  address.password = "wrong";
  refused(address, "WRONGPASS");
  address.password = "";
  refused(address, "NOAUTH");
  address = server.address(99);
  refused(address, "DB index is out of range");
}

TEST_CASE("a stalled server costs a command its time-out, the rest nothing, and no late reply reaches another") {
  NEEDS_REDIS();
  RedisServer server;
  ServerFixture fixture(server.address(), {.connect_timeout = 300ms, .command_timeout = 300ms});
  REQUIRE(fixture.becomes_ready());
  CHECK(fixture.ask({"SET", "k", "right"}).text == "OK");
  server.pause();
  Asked first, second;
  fixture.begin(first, {"ECHO", "late"});
  fixture.begin(second, {"ECHO", "later"});
  fixture.finish(second);
  CHECK(first.error() == ErrorCode::timeout);
  CHECK(second.error() == ErrorCode::unavailable);
  CHECK_FALSE(fixture.client.ready());
  // Its kernel still takes connections: that alone does not make it ready.
  REQUIRE(fixture.loop.run_until([&] { return fixture.client.why_not_ready() == "no connection in time"; }));
  Asked refused;
  fixture.begin(refused, {"GET", "k"});
  fixture.finish(refused);
  CHECK(refused.error() == ErrorCode::unavailable);
  server.resume();
  REQUIRE(fixture.becomes_ready());
  CHECK(fixture.ask({"GET", "k"}).text == "right");
}

TEST_CASE("a killed server fails pending commands, and is connected to again when it has recovered") {
  NEEDS_REDIS();
  RedisServer server({.append_only = true});
  ServerFixture fixture(server.address());
  std::vector<std::string> reasons;  // "": it was ready
  fixture.client.on_change([&] { reasons.push_back(fixture.client.why_not_ready()); });
  REQUIRE(fixture.becomes_ready());
  CHECK(fixture.ask({"SET", "k", "kept"}).text == "OK");
  server.pause();
  Asked asked;
  fixture.begin(asked, {"GET", "k"});
  server.kill();
  fixture.finish(asked);
  CHECK(asked.error() == ErrorCode::unavailable);
  REQUIRE(fixture.loop.run_until([&] { return fixture.client.why_not_ready().find("refused") != std::string::npos; }));
  server.start();
  REQUIRE(fixture.becomes_ready());
  CHECK(fixture.ask({"GET", "k"}).text == "kept");
  CHECK(std::count(reasons.begin(), reasons.end(), "") == 2);
  REQUIRE(reasons.size() >= 4);  // the loss, then what each connection that follows it fails of, where it is another
  CHECK(reasons[2].find("refused") != std::string::npos);
}

TEST_CASE("what a server refuses to do now is a reply, not a broken connection") {
  NEEDS_REDIS();
  RedisServer server({.more = {"--maxmemory", "1mb"}});
  ServerFixture fixture(server.address());
  REQUIRE(fixture.becomes_ready());
  CHECK(fixture.ask({"SET", "k", std::string(100'000, 'x')}).text.starts_with("OOM"));
  server.ask({"REPLICAOF", "127.0.0.1", "1"});
  CHECK(fixture.ask({"SET", "k", "1"}).text.starts_with("READONLY"));
  const redis::Script write("return redis.call('SET', KEYS[1], 'v')");
  CHECK(fixture.run(write, {"k"}, {}).is_error());
  CHECK(fixture.client.ready());
}

}  // namespace tidegate::test
