// A queue on SQLite that another process may take over, and that process: the same file, opened again.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "jobs/handover/handover_queue.h"
#include "jobs/handover/queue_service.h"
#include "net/local/message_channel.h"
#include "unit/jobs/sqlite/fixture.h"

namespace tidegate::jobs {

class HandoverFixture : public RealFixture {
 public:
  explicit HandoverFixture(const QueueLimits& limits = {}) {
    options_.path = file("jobs.db");
    limits_ = limits;
    open();
  }
  ~HandoverFixture() { close(); }

  JobQueue& queue() { return *queue_; }
  HandoverQueue& handover() { return *queue_; }
  void close() {
    RealFixture::close(std::move(queue_));
    calls_.reset();
    service_.reset();
    RealFixture::close(std::move(other_));
  }
  void open() {
    const auto open = [this] { return Result<std::shared_ptr<JobQueue>>(open_store()); };
    queue_ = std::make_unique<HandoverQueue>("jobs", open_store(), open);
  }
  void restart() {
    close();
    open();
  }

  std::unique_ptr<JobQueue> open_store() {
    options_.limits = limits_;
    return open_sqlite(options_);
  }

  // The steps of a takeover, as far as the queue sees them.
  void hold() {
    bool idle = false;
    queue_->hold(home(), [&] { idle = true; });
    run_until([&] { return idle; });
  }
  void close_store() {
    bool closed = false;
    queue_->close_store(home(), [&] { closed = true; });
    run_until([&] { return closed; });
  }
  void reopen() { REQUIRE(queue_->reopen().ok()); }
  void give_away() {
    other_ = open_store();
    const auto queue_of = [this](const std::string& name) {
      return QueueService::Served{name == "jobs" ? other_.get() : nullptr};
    };
    service_ = std::make_unique<QueueService>(home(), queue_of, [this](net::Message answer) {
      if (calls_) REQUIRE(calls_->on_answer(answer));
    });
    calls_ = std::make_shared<RemoteCalls>(home(), [this](net::Message call) {
      if (!deaf_) REQUIRE(service_->on_call(std::move(call)));
    });
    queue_->give_away(calls_);
  }
  void hand_over() {
    hold();
    close_store();
    give_away();
  }
  JobQueue& other() { return *other_; }
  // The other process hears nothing any more; and has ended.
  void be_deaf() { deaf_ = true; }
  void end_other() { calls_->end("the other process has ended"); }

 private:
  SqliteOptions options_;
  QueueLimits limits_;
  std::unique_ptr<HandoverQueue> queue_;
  std::unique_ptr<JobQueue> other_;
  std::unique_ptr<QueueService> service_;
  std::shared_ptr<RemoteCalls> calls_;
  bool deaf_ = false;
};

}  // namespace tidegate::jobs
