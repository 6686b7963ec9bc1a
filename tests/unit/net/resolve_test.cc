// Names: literals, the machine's own name, unknown ones, and lookups that are dropped.
#include "unit/net/peer.h"

using namespace tidegate;
using namespace tidegate::test;

namespace {

using Addresses = std::vector<IpAddress>;

// What a name resolves to, and that the response does not come inside the call.
template <typename Loop>
Result<Addresses> resolve(Loop& loop, std::string_view name) {
  std::optional<Result<Addresses>> answer;
  const auto resolving = loop.runtime().resolve(name, [&](Result<Addresses> result) { answer = std::move(result); });
  CHECK_FALSE(answer);
  REQUIRE(loop.run_until([&] { return answer.has_value(); }));
  return *answer;
}

}  // namespace

TEST_ON_BOTH_RUNTIMES("A literal address is its own answer") {
  Loop loop;
  for (const char* literal : {"127.0.0.1", "192.0.2.7", "::1", "2001:db8::5"}) {
    CAPTURE(literal);
    const auto answer = resolve(loop, literal);
    REQUIRE(answer.ok());
    CHECK(*answer == Addresses{*IpAddress::parse(literal)});
  }
}

TEST_ON_BOTH_RUNTIMES("A name that cannot exist is not found, and the error names it") {
  Loop loop;
  // A label of more than 63 bytes is refused without asking anybody.
  const std::string name = std::string(64, 'n') + ".invalid";
  const auto answer = resolve(loop, name);
  REQUIRE_FALSE(answer.ok());
  CHECK(answer.error().code == ErrorCode::not_found);
  CHECK(answer.error().message.find(name) != std::string::npos);
}

TEST_ON_BOTH_RUNTIMES("A name too long to ask about is not found either") {
  Loop loop;
  const auto answer = resolve(loop, std::string(3000, 'n'));
  REQUIRE_FALSE(answer.ok());
  CHECK(answer.error().code == ErrorCode::not_found);
}

TEST_ON_BOTH_RUNTIMES("A name that is not text is not found either") {
  Loop loop;
  const auto answer = resolve(loop, "\xff\xfe\x80");
  REQUIRE_FALSE(answer.ok());
  CHECK(answer.error().code == ErrorCode::not_found);
}

TEST_ON_BOTH_RUNTIMES("A cancelled lookup is silent") {
  Loop loop;
  int answers = 0;
  loop.runtime().resolve("127.0.0.1", [&](auto) { ++answers; }).reset();
  loop.runtime().resolve(std::string(64, 'n'), [&](auto) { ++answers; }).reset();
  settle(loop);
  CHECK(answers == 0);
}

TEST_ON_BOTH_RUNTIMES("A lookup's owner may destroy it inside its callback") {
  Loop loop;
  std::unique_ptr<net::Operation> resolving;
  const auto token = std::make_shared<std::string>("still here");
  std::string seen;
  resolving = loop.runtime().resolve("127.0.0.1", [&, token](const auto& result) {
    resolving.reset();
    seen = *token;
    REQUIRE(result.ok());
    CHECK(result->size() == 1);
  });
  REQUIRE(loop.run_until([&] { return !seen.empty(); }));
}

TEST_ON_BOTH_RUNTIMES("Many lookups at once are each answered for themselves") {
  Loop loop;
  std::vector<std::unique_ptr<net::Operation>> resolving;
  int right = 0;
  for (int i = 0; i < 50; ++i) {
    const std::string literal = "10.0.0." + std::to_string(i);
    resolving.push_back(loop.runtime().resolve(literal, [&right, literal](const auto& result) {
      if (result.ok() && *result == Addresses{*IpAddress::parse(literal)}) ++right;
    }));
  }
  CHECK(loop.run_until([&] { return right == 50; }));
}

TEST_CASE("UvRuntime knows the machine's own name, IPv4 first") {
  UvLoop loop;
  const auto answer = resolve(loop, "localhost");
  REQUIRE(answer.ok());
  bool v6_seen = false;
  for (const IpAddress& ip : *answer) {
    CHECK(ip.is_loopback());
    if (!ip.v6) CHECK_FALSE(v6_seen);
    v6_seen = v6_seen || ip.v6;
  }
}

TEST_CASE("SimRuntime knows the names it was given, and replaces them") {
  SimLoop loop;
  const Addresses first = {*IpAddress::parse("10.0.0.1"), *IpAddress::parse("10.0.0.2")};
  const Addresses second = {*IpAddress::parse("10.0.0.3")};
  loop.impl.add_name("upstream.test", first);
  CHECK(*resolve(loop, "upstream.test") == first);
  loop.impl.add_name("upstream.test", second);
  CHECK(*resolve(loop, "upstream.test") == second);
  CHECK_FALSE(resolve(loop, "other.test").ok());
}
