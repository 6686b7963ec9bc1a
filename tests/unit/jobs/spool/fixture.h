// A spooled queue whose server is an SQLite queue behind a FlakyQueue: real threads, a real disk, and a server that
// fails at the test's word.
#pragma once

#include <memory>

#include "jobs/spool/append.h"
#include "jobs/spool/queue.h"
#include "unit/jobs/contract/fixture.h"
#include "unit/jobs/spool/flaky_queue.h"

namespace tidegate::jobs {

class SpooledFixture : public RealFixture {
 public:
  explicit SpooledFixture(const QueueLimits& limits = {}) : limits_(limits) { open(); }
  ~SpooledFixture() { close(); }

  JobQueue& queue() { return *queue_; }
  JobQueue& server() { return server_->real(); }
  void set(FlakyQueue::Mood mood) {
    mood_ = mood;
    server_->set(mood);
  }
  void restart() {
    close();
    open();
  }
  // A minute later, as for the jobs that this file has set aside; between two runs.
  void let_set_aside_end(const char* name);
  // The spool's file is overwritten between two runs.
  void restart_with_damaged_spool();

 private:
  std::unique_ptr<SqliteSpool> store(const char* name);
  void open();
  void close();

  QueueLimits limits_;
  FlakyQueue::Mood mood_ = FlakyQueue::Mood::healthy;
  FlakyQueue* server_ = nullptr;
  std::unique_ptr<JobQueue> queue_;
};

}  // namespace tidegate::jobs
