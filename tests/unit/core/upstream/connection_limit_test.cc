// The connections of several workers to one upstream: one count, and turns that go round.
#include "core/upstream/connection_limit.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace tidegate::core {

namespace {

struct Member final : ConnectionLimit::Member {
  explicit Member(ConnectionLimit& limit) : limit_(limit) { limit_.join(*this); }
  ~Member() override { limit_.leave(*this); }
  void on_room_granted() override { ++granted; }
  void on_recheck_idle() override { ++wanted; }

  ConnectionLimit& limit_;
  int granted = 0;
  int wanted = 0;
};

using Returned = ConnectionLimit::Returned;

}  // namespace

TEST_CASE("as many connections are open as configured, whoever opens them") {
  for (const int connections : {1, 2, 6}) {
    CAPTURE(connections);
    ConnectionLimit limit(connections, 100);
    Member a(limit), b(limit), c(limit), d(limit);
    int open = 0;
    for (int i = 0; i < 5; ++i) {
      for (Member* member : {&a, &b, &c, &d}) open += limit.try_open(*member);
    }
    CHECK(open == connections);
  }
}

TEST_CASE("as many calls wait as configured, and room goes to them, member after member") {
  ConnectionLimit limit(1, 4);
  Member a(limit), b(limit);
  REQUIRE(limit.try_open(a));
  CHECK(limit.wait(a));
  CHECK(limit.wait(a));
  CHECK(limit.wait(b));
  CHECK(limit.wait(b));
  CHECK_FALSE(limit.wait(b));
  CHECK(limit.waiting() == 4);
  limit.closed(a);
  CHECK(a.granted == 1);
  limit.closed(a);
  CHECK(b.granted == 1);
  limit.closed(b);
  limit.closed(a);
  CHECK(a.granted == 2);
  CHECK(b.granted == 2);
  CHECK(limit.waiting() == 0);
  CHECK_FALSE(limit.try_open(a));  // the last one has been granted room
}

TEST_CASE("without waiting allowed, room that has just become free is still given") {
  ConnectionLimit limit(1, 0);
  Member a(limit);
  CHECK(limit.wait(a));
  CHECK(a.granted == 1);
  CHECK_FALSE(limit.wait(a));
}

TEST_CASE("who gives up waits no more; what it was granted meanwhile is the member's to give on") {
  ConnectionLimit limit(1, 1);
  Member a(limit), b(limit);
  REQUIRE(limit.try_open(a));
  REQUIRE(limit.wait(b));
  CHECK(limit.stop_waiting(b));
  CHECK(limit.wait(a));
  limit.closed(a);
  CHECK(a.granted == 1);
  CHECK_FALSE(limit.stop_waiting(a));
  CHECK(limit.waiting() == 0);
  limit.closed(a);
  CHECK(limit.try_open(b));
}

TEST_CASE("a member serves its own calls up to its share; beyond it, whoever's turn it is") {
  ConnectionLimit limit(4, 100);
  Member a(limit), b(limit);
  for (int i = 0; i < 4; ++i) REQUIRE(limit.try_open(a));
  CHECK(limit.returned(a) == Returned::idle);
  for (int i = 0; i < 10; ++i) {
    REQUIRE(limit.wait(a));
    REQUIRE(limit.wait(b));
  }
  int own = 0, closed = 0;
  for (int i = 0; i < 10; ++i) {
    const Returned next = limit.returned(a);
    if (next == Returned::serve_next) ++own;
    if (next == Returned::close) {
      limit.closed(a);
      ++closed;
    }
  }
  CHECK(closed == 2);  // then each has two
  CHECK(b.granted == 2);
  CHECK(own == 8);
  for (Member* member : {&a, &b}) {
    while (limit.stop_waiting(*member)) {
    }
  }
}

TEST_CASE("nobody starves where there are fewer connections than members") {
  ConnectionLimit limit(1, 100);
  Member a(limit), b(limit), c(limit);
  REQUIRE(limit.try_open(a));
  for (Member* member : {&a, &b, &c}) {
    for (int i = 0; i < 4; ++i) REQUIRE(limit.wait(*member));
  }
  Member* holder = &a;
  int served[3] = {};
  for (int i = 0; i < 12; ++i) {
    const int before[] = {a.granted, b.granted, c.granted};
    if (limit.returned(*holder) == Returned::close) limit.closed(*holder);
    Member* const members[] = {&a, &b, &c};
    for (int m = 0; m < 3; ++m) {
      if (members[m]->granted > before[m]) holder = members[m];
    }
    ++served[holder == &a ? 0 : holder == &b ? 1 : 2];
  }
  for (const int each : served) CHECK(each == 4);
}

TEST_CASE("who has to wait makes the others close what they keep idle") {
  ConnectionLimit limit(2, 10);
  Member a(limit), b(limit), c(limit);
  REQUIRE(limit.try_open(a));
  REQUIRE(limit.try_open(b));
  limit.set_idle(a, 1);
  REQUIRE(limit.wait(c));
  CHECK(a.wanted == 1);
  CHECK(b.wanted == 0);
  limit.set_idle(a, 0);
  limit.closed(a);
  CHECK(c.granted == 1);
}

TEST_CASE("what a member has when it leaves is room for the others") {
  ConnectionLimit limit(1, 10);
  Member a(limit);
  {
    Member b(limit);
    REQUIRE(limit.try_open(b));
    REQUIRE(limit.wait(a));
  }
  CHECK(a.granted == 1);
}

TEST_CASE("members on threads of their own never exceed the limit, and every call that waits is served") {
  constexpr int kLimit = 3, kThreads = 4, kCalls = 2000;
  struct Busy final : ConnectionLimit::Member {
    void on_room_granted() override { granted.fetch_add(1); }
    void on_recheck_idle() override {}
    std::atomic<int> granted{0};
  };
  ConnectionLimit limit(kLimit, 1000);
  std::vector<Busy> members(kThreads);
  for (Busy& member : members) limit.join(member);
  std::atomic<int> open{0}, most{0};
  const auto work = [&](Busy& member) {
    for (int i = 0; i < kCalls; ++i) {
      if (!limit.try_open(member)) {
        REQUIRE(limit.wait(member));
        while (member.granted.load() == 0) std::this_thread::yield();
        member.granted.fetch_sub(1);
      }
      const int now = open.fetch_add(1) + 1;
      int seen = most.load();
      while (now > seen && !most.compare_exchange_weak(seen, now)) {
      }
      open.fetch_sub(1);
      limit.closed(member);
    }
  };
  std::vector<std::thread> threads;
  for (Busy& member : members) threads.emplace_back([&work, &member] { work(member); });
  for (std::thread& thread : threads) thread.join();
  CHECK(most.load() <= kLimit);
  CHECK(limit.waiting() == 0);
  for (Busy& member : members) limit.leave(member);
}

TEST_CASE("above a limit that has shrunk connections are closed as they come back, and idle ones are asked for") {
  ConnectionLimit limit(3, 10);
  Member a(limit), b(limit);
  REQUIRE(limit.try_open(a));
  REQUIRE(limit.try_open(a));
  REQUIRE(limit.try_open(b));
  limit.set_idle(b, 1);
  CHECK_FALSE(limit.wants_idle());
  limit.reconfigure(1, 10);
  CHECK(b.wanted == 1);
  CHECK(a.wanted == 0);
  CHECK(limit.wants_idle());
  CHECK(limit.returned(a) == Returned::close);
  limit.closed(a);
  limit.set_idle(b, 0);
  limit.closed(b);
  CHECK_FALSE(limit.wants_idle());
  CHECK(limit.returned(a) == Returned::idle);
  CHECK_FALSE(limit.try_open(b));
}

TEST_CASE("a limit that has grown gives its room to who waits") {
  ConnectionLimit limit(1, 10);
  Member a(limit);
  REQUIRE(limit.try_open(a));
  REQUIRE(limit.wait(a));
  limit.reconfigure(2, 10);
  CHECK(a.granted == 1);
  CHECK(limit.waiting() == 0);
}

TEST_CASE("a look shows what is open, and how many of it are tunnels") {
  ConnectionLimit limit(2, 100);
  Member a(limit);
  CHECK(limit.try_open(a));
  CHECK(limit.try_open(a));
  CHECK(limit.wait(a));
  limit.tunnels_changed(1);
  CHECK(limit.view().open == 2);
  CHECK(limit.view().waiting == 1);
  CHECK(limit.view().text() == "2 of 2 connections open, 1 of them by tunnels");
  limit.tunnels_changed(-1);
  CHECK(limit.view().tunnels == 0);
  CHECK(limit.stop_waiting(a));
}

}  // namespace tidegate::core
