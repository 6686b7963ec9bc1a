// A long backlog on Redis: neither this process grows with it, nor does a claim get slow. Run by hand for the figures
// (-ns -tc='*backlog*'): a ratio and sizes, nothing timed is asserted.
#include <fstream>

#include "net/clock.h"
#include "unit/jobs/redis/fixture.h"

namespace tidegate::jobs {

namespace {

constexpr size_t kTogether = 500;

uint64_t resident_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmRSS:", 0) == 0) return std::strtoull(line.c_str() + 6, nullptr, 10);
  }
  return 0;
}

void append_many(RedisFixture& fixture, size_t count) {
  for (size_t sent = 0; sent < count;) {
    std::vector<OperationPtr> operations;
    size_t answered = 0;
    for (size_t i = 0; i < kTogether; ++i, ++sent) {
      JobDraft draft = make_draft(fixture.home(), std::string(1024, 'x'));
      operations.push_back(
          fixture.queue().append(fixture.home(), std::move(draft), [&](const Result<Appended>& appended) {
            CHECK(appended.ok());
            ++answered;
          }));
    }
    fixture.run_until([&] { return answered == kTogether; });
  }
}

double microseconds_a_claim(RedisFixture& fixture, int count) {
  Asker asker(fixture);
  const Time before = net::read_monotonic_clock();
  for (int i = 0; i < count; ++i) REQUIRE(asker.succeed(asker.claim()).ok());
  return to_seconds(net::read_monotonic_clock() - before) * 1e6 / count;
}

}  // namespace

TEST_CASE("a backlog of 100,000 jobs neither grows this process nor slows a claim" * doctest::skip()) {
  NEEDS_REDIS();
  test::RedisServer server({.append_only = true});
  QueueLimits limits;
  limits.max_jobs = 200'000;
  RedisFixture fixture(server, limits);
  append_many(fixture, 1000);
  const double early = microseconds_a_claim(fixture, 300);
  const uint64_t small = resident_kib();
  const Time before = net::read_monotonic_clock();
  append_many(fixture, 100'000);
  const double seconds = to_seconds(net::read_monotonic_clock() - before);
  const uint64_t large = resident_kib();
  const double late = microseconds_a_claim(fixture, 300);
  MESSAGE("appends a second: " << 100'000 / seconds << "; claim and success, us: " << early << " with 1,000 jobs, "
                               << late << " with 100,000; resident KiB: " << small << " and " << large);
  CHECK(large < small + 32 * 1024);
  const Time closed = net::read_monotonic_clock();
  fixture.restart();
  MESSAGE("closed and opened in ms: " << to_seconds(net::read_monotonic_clock() - closed) * 1e3);
  CHECK(fixture.queue().view().depth[static_cast<size_t>(JobStatus::queued)] > 100'000);
}

}  // namespace tidegate::jobs
