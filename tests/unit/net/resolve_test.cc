// Names: literals, the machine's own name, unknown ones, and lookups that are dropped.
#include "unit/net/peer.h"

using namespace tidegate;
using namespace tidegate::test;

namespace {

using Addresses = std::vector<IpAddress>;

// What a name resolves to, and that the answer does not come inside the call.
template <typename World>
Result<Addresses> resolve(World& world, std::string_view name) {
  std::optional<Result<Addresses>> answer;
  const auto resolving = world.runtime().resolve(name, [&](Result<Addresses> result) { answer = std::move(result); });
  CHECK_FALSE(answer);
  REQUIRE(world.run_until([&] { return answer.has_value(); }));
  return *answer;
}

}  // namespace

TEST_IN_WORLDS("A literal address is its own answer") {
  World world;
  for (const char* literal : {"127.0.0.1", "192.0.2.7", "::1", "2001:db8::5"}) {
    CAPTURE(literal);
    const auto answer = resolve(world, literal);
    REQUIRE(answer.ok());
    CHECK(*answer == Addresses{*IpAddress::parse(literal)});
  }
}

TEST_IN_WORLDS("A name that cannot exist is not found, and the error names it") {
  World world;
  // A label of more than 63 bytes is refused without asking anybody.
  const std::string name = std::string(64, 'n') + ".invalid";
  const auto answer = resolve(world, name);
  REQUIRE_FALSE(answer.ok());
  CHECK(answer.error().code == ErrorCode::not_found);
  CHECK(answer.error().message.find(name) != std::string::npos);
}

TEST_IN_WORLDS("A name too long to ask about is not found either") {
  World world;
  const auto answer = resolve(world, std::string(3000, 'n'));
  REQUIRE_FALSE(answer.ok());
  CHECK(answer.error().code == ErrorCode::not_found);
}

TEST_IN_WORLDS("A name that is not text is not found either") {
  World world;
  const auto answer = resolve(world, "\xff\xfe\x80");
  REQUIRE_FALSE(answer.ok());
  CHECK(answer.error().code == ErrorCode::not_found);
}

TEST_IN_WORLDS("A cancelled lookup is silent") {
  World world;
  int answers = 0;
  world.runtime().resolve("127.0.0.1", [&](auto) { ++answers; }).reset();
  world.runtime().resolve(std::string(64, 'n'), [&](auto) { ++answers; }).reset();
  settle(world);
  CHECK(answers == 0);
}

TEST_IN_WORLDS("A lookup's owner may let go of it inside its callback") {
  World world;
  std::unique_ptr<net::Operation> resolving;
  const auto token = std::make_shared<std::string>("still here");
  std::string seen;
  resolving = world.runtime().resolve("127.0.0.1", [&, token](const auto& result) {
    resolving.reset();
    seen = *token;
    REQUIRE(result.ok());
    CHECK(result->size() == 1);
  });
  REQUIRE(world.run_until([&] { return !seen.empty(); }));
}

TEST_IN_WORLDS("Many lookups at once are each answered for themselves") {
  World world;
  std::vector<std::unique_ptr<net::Operation>> resolving;
  int right = 0;
  for (int i = 0; i < 50; ++i) {
    const std::string literal = "10.0.0." + std::to_string(i);
    resolving.push_back(world.runtime().resolve(literal, [&right, literal](const auto& result) {
      if (result.ok() && *result == Addresses{*IpAddress::parse(literal)}) ++right;
    }));
  }
  CHECK(world.run_until([&] { return right == 50; }));
}

TEST_CASE("UvRuntime knows the machine's own name, IPv4 first") {
  UvWorld world;
  const auto answer = resolve(world, "localhost");
  REQUIRE(answer.ok());
  bool v6_seen = false;
  for (const IpAddress& ip : *answer) {
    CHECK(ip.is_loopback());
    if (!ip.v6) CHECK_FALSE(v6_seen);
    v6_seen = v6_seen || ip.v6;
  }
}

TEST_CASE("SimRuntime knows the names it was given, and forgets what they were before") {
  SimWorld world;
  const Addresses first = {*IpAddress::parse("10.0.0.1"), *IpAddress::parse("10.0.0.2")};
  const Addresses second = {*IpAddress::parse("10.0.0.3")};
  world.loop.add_name("upstream.test", first);
  CHECK(*resolve(world, "upstream.test") == first);
  world.loop.add_name("upstream.test", second);
  CHECK(*resolve(world, "upstream.test") == second);
  CHECK_FALSE(resolve(world, "other.test").ok());
}
