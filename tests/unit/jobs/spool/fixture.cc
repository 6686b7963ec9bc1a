#include "unit/jobs/spool/fixture.h"

#include <fstream>

#include "base/log.h"
#include "jobs/sqlite/db/db.h"
#include "unit/jobs/sqlite/fixture.h"

namespace tidegate::jobs {

std::unique_ptr<SqliteSpool> SpooledFixture::store(const char* name) {
  SqliteOptions options;
  options.path = file(name);
  options.limits = limits_;
  return open_sqlite(options);
}

void SpooledFixture::open() {
  auto flaky = std::make_unique<FlakyQueue>(store("server.db"));
  server_ = flaky.get();
  server_->set(mood_);
  log_configure(LogLevel::error, LogFormat::text);  // the failures are the test's own
  queue_ = make_spooled_queue(home(), {"jobs", std::move(flaky), store("spool.db")});
}

void SpooledFixture::let_set_aside_end(const char* name) {
  close();
  SqliteDb(file(name), "").exec("UPDATE jobs SET due_at = created_at WHERE status = 0");
  open();
}

void SpooledFixture::restart_with_damaged_spool() {
  close();
  std::ofstream(file("spool.db")) << "no database any more";
  log_configure(LogLevel::off, LogFormat::text);
  open();
}

void SpooledFixture::close() {
  RealFixture::close(std::move(queue_));
  log_configure(LogLevel::info, LogFormat::text);
}

}  // namespace tidegate::jobs
