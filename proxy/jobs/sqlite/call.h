// A call to the SQLite store: run on its thread inside a group's transaction (thread.h), answered after the
// commit.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "jobs/store_call.h"

namespace tidegate::jobs {

class SqliteStore;

// What the thread sees of a call, whatever its answer is.
class SqliteCall {
 public:
  explicit SqliteCall(std::shared_ptr<StoreCall> who) : waiting(std::move(who)) {}
  virtual ~SqliteCall() = default;

  const std::shared_ptr<StoreCall> waiting;
  std::string promised;     // the id of a job that must be cancelled if it turns up after its commit has failed
  bool makes_work = false;  // once committed, a claim may find more than before
  bool correction = false;  // the store's own: taken as long as the thread runs, and nobody waits for it

  // Store's thread; the result is kept until the answer.
  virtual void run(SqliteStore& store) = 0;
};

template <typename T>
class TypedSqliteCall final : public SqliteCall {
 public:
  using Work = std::function<Result<T>(SqliteStore&)>;

  TypedSqliteCall(std::shared_ptr<PendingCall<T>> answer, Work work)
      : SqliteCall(answer), answer_(std::move(answer)), work_(std::move(work)) {}

  void run(SqliteStore& store) override { answer_->set(work_(store)); }

 private:
  std::shared_ptr<PendingCall<T>> answer_;
  Work work_;
};

}  // namespace tidegate::jobs
