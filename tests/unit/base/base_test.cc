#include <set>

#include <doctest/doctest.h>

#include "base/ids.h"
#include "base/ip.h"
#include "base/json_writer.h"
#include "base/log.h"
#include "base/random.h"
#include "base/time.h"

namespace tidegate {

TEST_CASE("addresses parse strictly and print canonically") {
  for (const char* good : {"127.0.0.1", "::1", "2001:db8::7", "0.0.0.0"}) {
    REQUIRE(IpAddress::parse(good));
    CHECK(IpAddress::parse(good)->to_string() == good);
  }
  for (const char* bad : {"", "1.2.3", "01.2.3.4", "1.2.3.4 ", "::1%lo", "[::1]", "1.2.3.256", "localhost"}) {
    CHECK_FALSE(IpAddress::parse(bad));
  }
  CHECK(IpAddress::parse("::ffff:10.0.0.1")->to_string() == "10.0.0.1");
}

TEST_CASE("prefixes contain what they should") {
  const auto in = [](const char* cidr, const char* ip) { return Cidr::parse(cidr)->contains(*IpAddress::parse(ip)); };
  CHECK(in("127.0.0.0/8", "127.255.0.1"));
  CHECK_FALSE(in("127.0.0.0/8", "128.0.0.1"));
  CHECK(in("10.1.2.3", "10.1.2.3"));
  CHECK(in("0.0.0.0/0", "8.8.8.8"));
  CHECK_FALSE(in("0.0.0.0/0", "::1"));
  CHECK(in("2001:db8::/33", "2001:db8:7fff::1"));
  CHECK_FALSE(in("2001:db8::/33", "2001:db8:8000::1"));
  for (const char* bad : {"10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "x/8", "::/129"}) CHECK_FALSE(Cidr::parse(bad));
}

TEST_CASE("socket addresses need brackets for IPv6 and a port in range") {
  CHECK(SocketAddress::parse("127.0.0.1:80")->to_string() == "127.0.0.1:80");
  CHECK(SocketAddress::parse("[::1]:8081")->to_string() == "[::1]:8081");
  for (const char* bad : {"127.0.0.1", "::1:80", "127.0.0.1:65536", "[127.0.0.1]:80", "host:80", ":80"}) {
    CHECK_FALSE(SocketAddress::parse(bad));
  }
}

TEST_CASE("the generator is a function of its seed, and below() stays below and reaches everything") {
  Random a(1), b(1), c(2);
  CHECK(a.next() == b.next());
  CHECK(a.next() != c.next());
  std::set<uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(a.below(7));
  CHECK(seen.size() == 7);
  CHECK(*seen.rbegin() == 6);
}

TEST_CASE("waits are rounded up, stamps are RFC 3339") {
  CHECK(ceil_ms(1ns) == 1);
  CHECK(ceil_ms(2ms) == 2);
  CHECK(ceil_seconds(1001ms) == 2);
  CHECK(to_rfc3339(WallTime(1'700'000'000'123ms)) == "2023-11-14T22:13:20.123Z");
}

TEST_CASE("ids are thirty-two lower-case hexadecimal digits and nothing else") {
  CHECK(is_id(to_hex(IdBytes{0xab, 1})));
  for (const char* bad : {"", "AB000000000000000000000000000000", "../../../../../../../../../../../"})
    CHECK_FALSE(is_id(bad));
}

TEST_CASE("a log line is one line and valid, whatever bytes a client sent") {
  std::string line;
  log_set_sink([&](LogLevel, std::string_view text) { line = text; });
  log_configure(LogLevel::info, LogFormat::json);
  log_info("request", {{"target", std::string_view("/a\r\nb\"\\\xff\x00z", 10)}, {"code", 404}, {"ok", true}});
  CHECK(
      line ==
      R"({"ts":"1970-01-01T00:00:00.000Z","level":"info","event":"request","target":"/a\u000d\u000ab\"\\\u00ff\u0000z","code":404,"ok":true})");
  log_configure(LogLevel::warn, LogFormat::text);
  line.clear();
  log_info("quiet");
  CHECK(line.empty());
  log_warn("breaker_transition", {{"detail", "5 in a row"}, {"to", "open"}});
  CHECK(line == "1970-01-01T00:00:00.000Z WARN  breaker_transition detail=\"5 in a row\" to=open");
  log_set_sink({});
}

TEST_CASE("JSON is valid UTF-8 whatever it is given") {
  const auto written = [](std::string_view text) { return JsonWriter().field("v", text).take(); };
  CHECK(written("plain") == R"({"v":"plain"})");
  CHECK(written("a\"b\\c\nd\x01") == R"({"v":"a\"b\\c\nd\u0001"})");
  CHECK(written("h\xc3\xa9llo \xf0\x9f\x8c\x8a") == "{\"v\":\"h\xc3\xa9llo \xf0\x9f\x8c\x8a\"}");
  CHECK(written("\xff\xc0\x80\xed\xa0\x80") == R"({"v":"\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd"})");
}

}  // namespace tidegate
