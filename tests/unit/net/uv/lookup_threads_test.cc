// Look-ups of a whole process: slow ones delay nothing else, and a name is looked up once at a time.
#include "net/uv/lookup_threads.h"

#include <sys/resource.h>

#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

#include "net/connect_host.h"
#include "net/uv/resolve_within.h"
#include "support/swallower.h"
#include "unit/net/peer.h"

using namespace tidegate;
using namespace tidegate::test;

namespace {

// Never destroyed: threads may run when the process ends.
const net::Addresses& kFound = *new net::Addresses{*IpAddress::parse("127.0.0.1")};

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
      : threads([shared = shared](const std::string& host) { return shared->look_up(host); }, threads_max,
                [this](const std::function<void()>& run) { start(run); }) {}
  ~Lookups() { server.respond(); }

  std::shared_ptr<NameServer> shared = std::make_shared<NameServer>();  // with the threads
  NameServer& server = *shared;
  // Where there is no thread. It may look up itself: another loop does at the same moment.
  std::function<void()> on_no_thread;
  net::LookupThreads threads;

 private:
  void start(const std::function<void()>& run) {
    if (!on_no_thread) return std::thread(run).detach();
    std::exchange(on_no_thread, [] {})();
    throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
  }
};

// While it lives, this process opens nothing.
class NoDescriptors {
 public:
  NoDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit none{0, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
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
  const auto file = runtime.make_temp_file();
  file->append("bytes", [&](const Status& status, const std::string&) { written = status.ok(); });
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

TEST_CASE("Where no thread can be started, each name that waits fails, also when two fail at once") {
  Lookups lookups;
  net::UvRuntime runtime(1, lookups.threads);
  std::string failed;
  std::vector<std::unique_ptr<net::Operation>> waiting;
  const auto resolve = [&](const char* name) {
    waiting.push_back(runtime.resolve(name, [&, name](const auto& result) {
      REQUIRE_FALSE(result.ok());
      CHECK(result.error().code == ErrorCode::exhausted);
      failed += std::string(" ") + name;
    }));
  };
  lookups.on_no_thread = [&] { resolve("second"); };
  resolve("first");
  CHECK(run_until(runtime, [&] { return failed == " first second"; }));
  lookups.on_no_thread = nullptr;
  bool found = false;
  const auto later = runtime.resolve("first", [&](const auto& result) { found = result.ok(); });
  CHECK(run_until(runtime, [&] { return found; }));
}

TEST_CASE("A name whose thread could not be started beside a slow one gets it with the next look-up, also its own") {
  Lookups lookups;
  net::UvRuntime runtime(1, lookups.threads);
  const auto slow = runtime.resolve("slow", [](const auto&) {});
  lookups.server.await_asked(1);
  int found = 0;
  const auto count = [&](const auto& result) { found += result.ok(); };
  lookups.on_no_thread = [] {};
  const auto first = runtime.resolve("fast", count);
  lookups.on_no_thread = nullptr;
  const auto again = runtime.resolve("fast", count);
  CHECK(run_until(runtime, [&] { return found == 2; }));
}

TEST_CASE("A look-up of a thread without a loop ends at its bound, and leaves the name to those who wait on") {
  Lookups lookups;
  net::UvRuntime runtime(1, lookups.threads);
  bool found = false;
  const auto patient = runtime.resolve("slow.test", [&](const auto& result) { found = result.ok(); });
  lookups.server.await_asked(1);
  const auto late = net::resolve_within("slow.test", 20ms, lookups.threads);
  REQUIRE_FALSE(late.ok());
  CHECK(late.error().code == ErrorCode::timeout);
  CHECK(late.error().message == "resolve slow.test: no response in time");
  lookups.server.respond();
  CHECK(run_until(runtime, [&] { return found; }));
}

TEST_CASE("A look-up of a thread without a loop needs no descriptor, and a literal no look-up") {
  Lookups lookups;
  const NoDescriptors none_left;
  CHECK(*net::resolve_within("fast.test", 60s, lookups.threads) == kFound);
  CHECK(*net::resolve_within("127.0.0.1", 0s, lookups.threads) == kFound);
  CHECK(*net::resolve_within("::ffff:127.0.0.1", 0s, lookups.threads) == kFound);
  CHECK(lookups.server.asked.size() == 1);
}

TEST_CASE("A look-up of a thread without a loop has the error of the look-up, or that of its thread") {
  net::LookupThreads failing([](const std::string&) { return Error{ErrorCode::not_found, "no such name"}; });
  CHECK(net::resolve_within("none.test", 60s, failing).error().code == ErrorCode::not_found);
  Lookups lookups;
  lookups.on_no_thread = [] {};
  CHECK(net::resolve_within("fast.test", 60s, lookups.threads).error().code == ErrorCode::exhausted);
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
