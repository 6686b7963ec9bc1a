#include "http/message/client_address.h"

#include <doctest/doctest.h>

namespace tidegate::http {

namespace {

std::string client(std::string_view peer, std::initializer_list<std::string_view> forwarded) {
  Fields fields;
  for (const std::string_view value : forwarded) fields.add("X-Forwarded-For", value);
  const std::vector<Cidr> trusted{*Cidr::parse("127.0.0.0/8"), *Cidr::parse("10.0.0.0/8"), *Cidr::parse("fd00::/8")};
  return client_address(*IpAddress::parse(peer), fields, trusted).to_string();
}

}  // namespace

TEST_CASE("the client is the peer unless the peer is trusted, then the first stranger from the right") {
  CHECK(client("203.0.113.9", {}) == "203.0.113.9");
  CHECK(client("203.0.113.9", {"1.2.3.4"}) == "203.0.113.9");
  CHECK(client("127.0.0.1", {}) == "127.0.0.1");
  CHECK(client("127.0.0.1", {"1.2.3.4"}) == "1.2.3.4");
  CHECK(client("127.0.0.1", {"6.6.6.6, 1.2.3.4"}) == "1.2.3.4");
  CHECK(client("127.0.0.1", {"6.6.6.6, 1.2.3.4, 10.1.1.1"}) == "1.2.3.4");
  CHECK(client("127.0.0.1", {"6.6.6.6", "1.2.3.4", "10.1.1.1"}) == "1.2.3.4");
  CHECK(client("127.0.0.1", {"10.1.1.1, 10.2.2.2"}) == "10.1.1.1");
  CHECK(client("fd00::1", {"2001:db8::7"}) == "2001:db8::7");
}

TEST_CASE("ports and brackets are understood, and what is no address ends the walk") {
  CHECK(client("127.0.0.1", {"1.2.3.4:5678"}) == "1.2.3.4");
  CHECK(client("127.0.0.1", {"[2001:db8::7]:443"}) == "2001:db8::7");
  CHECK(client("127.0.0.1", {"[2001:db8::7]"}) == "2001:db8::7");
  CHECK(client("127.0.0.1", {"1.2.3.4, unknown"}) == "127.0.0.1");
  CHECK(client("127.0.0.1", {"1.2.3.4, nonsense, 10.0.0.7"}) == "10.0.0.7");
  CHECK(client("127.0.0.1", {""}) == "127.0.0.1");
}

TEST_CASE("an empty element of the list is skipped") {
  CHECK(client("127.0.0.1", {"1.2.3.4,"}) == "1.2.3.4");
  CHECK(client("127.0.0.1", {"1.2.3.4, , ,\t"}) == "1.2.3.4");
  CHECK(client("127.0.0.1", {"1.2.3.4,,10.0.0.7"}) == "1.2.3.4");
  CHECK(client("127.0.0.1", {",10.0.0.7"}) == "10.0.0.7");
  CHECK(client("127.0.0.1", {"1.2.3.4", "", " , "}) == "1.2.3.4");
  CHECK(client("127.0.0.1", {",", ",,"}) == "127.0.0.1");
  CHECK(client("203.0.113.9", {"1.2.3.4,"}) == "203.0.113.9");
}

}  // namespace tidegate::http
