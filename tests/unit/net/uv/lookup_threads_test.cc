// Look-ups of a whole process: slow ones delay nothing else, and a name is looked up once at a time.
#include "net/uv/lookup_threads.h"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "net/connect_host.h"
#include "support/swallower.h"
#include "unit/net/peer.h"

using namespace tidegate;
using namespace tidegate::test;

namespace {

const net::Addresses kFound = {*IpAddress::parse("127.0.0.1")};

// A name server that responds when it is let to.
struct NameServer {
  Result<net::Addresses> look_up(const std::string& host) {
    std::unique_lock lock(mutex);
    asked.push_back(host);
    changed.notify_all();
    if (host.starts_with("slow")) changed.wait(lock, [this] { return open; });
    ++responded;
    changed.notify_all();
    return kFound;
  }
  void respond() {
    const std::lock_guard lock(mutex);
    open = true;
    changed.notify_all();
  }
  // Blocks until so many look-ups have begun, have ended.
  void await_asked(size_t count) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return asked.size() >= count; });
  }
  void await_responded(size_t count) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return responded >= count; });
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> asked;
  size_t responded = 0;
  bool open = false;
};

struct Lookups {
  explicit Lookups(size_t threads_max = 64)
      : threads([shared = shared](const std::string& host) { return shared->look_up(host); }, threads_max) {}
  ~Lookups() { server.respond(); }

  std::shared_ptr<NameServer> shared = std::make_shared<NameServer>();  // with the threads
  NameServer& server = *shared;
  net::LookupThreads threads;
};

bool run_until(net::UvRuntime& runtime, const std::function<bool()>& ready) {
  net::Timer tick(runtime, [] {});
  const Time give_up = runtime.now() + 20s;
  while (!ready()) {
    if (runtime.now() > give_up) return false;
    if (!tick.active()) tick.start_after(50ms);
    runtime.run_once();
  }
  return true;
}

}  // namespace

TEST_CASE("Slow look-ups delay neither other names nor files") {
  Lookups lookups;
  net::UvRuntime runtime(1, lookups.threads);
  std::vector<std::unique_ptr<net::Operation>> slow;
  for (int i = 0; i < 20; ++i) slow.push_back(runtime.resolve("slow" + std::to_string(i), [](auto) { CHECK(false); }));
  lookups.server.await_asked(20);
  bool found = false, written = false;
  const auto fast = runtime.resolve("fast.test", [&](const auto& result) { found = result.ok(); });
  auto file = runtime.open_temp_file();
  REQUIRE(file.ok());
  (*file)->append("bytes", [&](const Status& status, const std::string&) { written = status.ok(); });
  CHECK(run_until(runtime, [&] { return found && written; }));
}

TEST_CASE("A name is looked up once at a time for all loops, and each who waits gets the result") {
  Lookups lookups;
  net::UvRuntime one(1, lookups.threads), two(2, lookups.threads);
  int replies = 0;
  const auto count = [&](const auto& result) { replies += *result == kFound; };
  std::vector<std::unique_ptr<net::Operation>> waiting;
  for (net::UvRuntime* runtime : {&one, &two}) {
    for (int i = 0; i < 3; ++i) waiting.push_back(runtime->resolve("slow.test", count));
  }
  lookups.server.await_asked(1);
  lookups.server.respond();
  CHECK(run_until(one, [&] { return replies == 3; }));
  CHECK(run_until(two, [&] { return replies == 6; }));
  CHECK(lookups.server.asked.size() == 1);
  const auto again = one.resolve("slow.test", count);
  CHECK(run_until(one, [&] { return replies == 7; }));
  CHECK(lookups.server.asked.size() == 2);
}

TEST_CASE("Beyond the bound names wait in order, and one that nobody wants any more is not looked up") {
  Lookups lookups(1);
  net::UvRuntime runtime(1, lookups.threads);
  std::string replies;
  std::vector<std::unique_ptr<net::Operation>> waiting;
  for (const char* name : {"slow", "dropped", "second", "third"}) {
    waiting.push_back(runtime.resolve(name, [&, name](const auto&) { replies += std::string(" ") + name; }));
  }
  lookups.server.await_asked(1);
  waiting[1].reset();
  lookups.server.respond();
  CHECK(run_until(runtime, [&] { return replies == " slow second third"; }));
  CHECK(lookups.server.asked == std::vector<std::string>{"slow", "second", "third"});
}

TEST_CASE("A look-up outlives those who wanted it, and their loop") {
  Lookups lookups;
  {
    net::UvRuntime runtime(1, lookups.threads);
    const auto waiting = runtime.resolve("slow.test", [](auto) { CHECK(false); });
    lookups.server.await_asked(1);
  }
  lookups.server.respond();
  lookups.server.await_responded(1);
}

TEST_CASE("A host whose first address swallows connects is reached at the next, on the kernel's network") {
  net::LookupThreads threads([](const std::string&) {
    return net::Addresses{*IpAddress::parse("127.0.0.2"), *IpAddress::parse("127.0.0.1")};
  });
  net::UvRuntime runtime(1, threads);
  std::unique_ptr<net::Stream> accepted;
  const auto listener = runtime.listen(any_port(), [&](auto stream) { accepted = std::move(stream); });
  REQUIRE(listener.ok());
  const uint16_t port = (*listener)->address().port;
  const Swallower swallower("127.0.0.2", port);
  std::optional<Result<std::unique_ptr<net::Stream>>> end;
  const auto connecting =
      net::connect_host(runtime, "two.test", port, 60s, [&](auto result) { end.emplace(std::move(result)); });
  REQUIRE(run_until(runtime, [&] { return end.has_value(); }));
  REQUIRE(end->ok());
  CHECK((**end)->peer().ip == *IpAddress::parse("127.0.0.1"));
}
