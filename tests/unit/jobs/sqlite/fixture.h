// The job queue on SQLite, on real threads and a real disk.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "jobs/sqlite/queue.h"
#include "unit/jobs/contract/fixture.h"

namespace tidegate::jobs {

// Fails the test where it cannot be opened.
inline std::unique_ptr<SqliteSpool> open_sqlite(const SqliteOptions& options) {
  auto opened = open_sqlite_queue(options);
  REQUIRE_MESSAGE(opened.ok(), (opened.ok() ? "" : opened.error().message));
  return std::move(*opened);
}

class SqliteFixture : public RealFixture {
 public:
  explicit SqliteFixture(const QueueLimits& limits = {}) {
    options_.path = file("jobs.db");
    options_.limits = limits;
    open();
  }
  ~SqliteFixture() { close(); }

  RecordStore& queue() { return *queue_; }
  const std::string& path() const { return options_.path; }
  SqliteOptions& options() { return options_; }

  void close() { RealFixture::close(std::move(queue_)); }
  void open() { queue_ = open_sqlite(options_); }
  // The process ends and begins again.
  void restart() {
    close();
    open();
  }

 private:
  SqliteOptions options_;
  std::unique_ptr<RecordStore> queue_;
};

}  // namespace tidegate::jobs
