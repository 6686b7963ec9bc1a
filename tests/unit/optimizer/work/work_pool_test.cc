#include "optimizer/work/work_pool.h"

#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>

namespace tidegate::optimizer {

namespace {

// Plays the event loop: posted tasks run when the test calls run().
class Mailbox {
 public:
  WorkPool::Post post() {
    return [this](std::function<void()> task) {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
      arrived_.notify_one();
    };
  }
  void run_one() {
    std::function<void()> task;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, [this] { return !tasks_.empty(); });
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
  size_t size() {
    const std::lock_guard lock(mutex_);
    return tasks_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::function<void()>> tasks_;
};

// Work that signals its beginning and runs until it is released.
struct Gate {
  std::promise<void> begun;
  std::promise<void> open;
  std::function<void()> work() {
    return [this] {
      begun.set_value();
      open.get_future().wait();
    };
  }
  void await_begun() { begun.get_future().wait(); }
};

void nothing() {}

}  // namespace

TEST_CASE("work runs on another thread, and its completion where it was posted") {
  Mailbox mailbox;
  WorkPool pool(2, 2, mailbox.post());
  std::thread::id worked_on;
  std::thread::id done_on;
  const auto ticket =
      pool.submit([&] { worked_on = std::this_thread::get_id(); }, [&] { done_on = std::this_thread::get_id(); });
  REQUIRE(ticket);
  mailbox.run_one();
  CHECK(worked_on != std::this_thread::get_id());
  CHECK(done_on == std::this_thread::get_id());
  CHECK(pool.load() == 0);
}

TEST_CASE("work is accepted up to the number of workers and the queue limit") {
  Mailbox mailbox;
  WorkPool pool(1, 2, mailbox.post());
  Gate gate;
  std::vector<std::unique_ptr<WorkPool::Ticket>> tickets;
  tickets.push_back(pool.submit(gate.work(), nothing));
  for (int i = 0; i < 2; ++i) tickets.push_back(pool.submit(nothing, nothing));
  for (const auto& ticket : tickets) CHECK(ticket);
  CHECK(pool.full());
  CHECK_FALSE(pool.submit(nothing, nothing));
  gate.open.set_value();
  for (int i = 0; i < 3; ++i) mailbox.run_one();
  CHECK_FALSE(pool.full());
  CHECK(pool.submit(nothing, nothing));
}

TEST_CASE("cancelled queued work never runs and frees its slot") {
  Mailbox mailbox;
  WorkPool pool(1, 1, mailbox.post());
  Gate gate;
  std::atomic<bool> ran = false;
  const auto running = pool.submit(gate.work(), nothing);
  auto queued = pool.submit([&] { ran = true; }, [&] { ran = true; });
  CHECK(pool.full());
  queued.reset();
  CHECK_FALSE(pool.full());
  gate.open.set_value();
  pool.stop();
  CHECK(mailbox.size() == 1);
  mailbox.run_one();
  CHECK_FALSE(ran);
}

TEST_CASE("cancelled running work does not call back") {
  Mailbox mailbox;
  WorkPool pool(1, 0, mailbox.post());
  Gate gate;
  bool told = false;
  auto ticket = pool.submit(gate.work(), [&] { told = true; });
  gate.await_begun();
  ticket.reset();
  CHECK(pool.load() == 1);
  gate.open.set_value();
  mailbox.run_one();
  CHECK_FALSE(told);
}

TEST_CASE("a posted completion does not run after the ticket is destroyed") {
  Mailbox mailbox;
  WorkPool pool(1, 0, mailbox.post());
  bool told = false;
  auto ticket = pool.submit(nothing, [&] { told = true; });
  pool.stop();
  REQUIRE(mailbox.size() == 1);
  ticket.reset();
  mailbox.run_one();
  CHECK_FALSE(told);
}

TEST_CASE("stopping finishes accepted work and refuses new work") {
  Mailbox mailbox;
  std::atomic<int> ran = 0;
  std::atomic<int> threads_ended = 0;
  WorkPool pool(3, 20, mailbox.post(), {{}, [&] { ++threads_ended; }});
  std::vector<std::unique_ptr<WorkPool::Ticket>> tickets;
  for (int i = 0; i < 20; ++i) tickets.push_back(pool.submit([&] { ++ran; }, nothing));
  pool.stop();
  CHECK(ran == 20);
  CHECK(threads_ended == 3);
  CHECK(mailbox.size() == 20);
  CHECK_FALSE(pool.submit(nothing, nothing));
  pool.stop();
}

TEST_CASE("a ticket may outlive its pool") {
  Mailbox mailbox;
  std::unique_ptr<WorkPool::Ticket> ticket;
  {
    WorkPool pool(1, 1, mailbox.post());
    ticket = pool.submit(nothing, nothing);
  }
  ticket.reset();
  CHECK(mailbox.size() == 1);
}

}  // namespace tidegate::optimizer
