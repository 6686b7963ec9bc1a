// What the store's thread sees of a call, whatever its result type is; and those calls that take several commits.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "jobs/sqlite/store.h"
#include "jobs/store_call.h"

namespace tidegate::jobs {

// A call to the store: run inside a group's transaction, completed after the commit.
class SqliteCall {
 public:
  explicit SqliteCall(std::shared_ptr<StoreCall> who) : waiting(std::move(who)) {}
  virtual ~SqliteCall() = default;

  const std::shared_ptr<StoreCall> waiting;
  std::string promised;     // the id of a job that must be cancelled if it turns up after its commit has failed
  bool makes_work = false;  // once committed, a claim may find more than before
  bool correction = false;  // the store's own: taken as long as the thread runs, and nobody waits for it
  uint64_t bytes = 0;       // of a body, that a step of it writes
  bool ended = false;       // the thread's: it needs no more steps

  // Store's thread; the result is kept until completion. False: another step, in a later commit, is needed.
  virtual bool run(SqliteStore& store) = 0;
  // For a file: a step would do nothing.
  virtual bool waits() const { return false; }
};

template <typename T>
class TypedSqliteCall : public SqliteCall {
 public:
  // No value: it needs another step.
  using Work = std::function<std::optional<Result<T>>(SqliteStore&)>;

  TypedSqliteCall(std::shared_ptr<PendingCall<T>> pending, Work work)
      : SqliteCall(pending), pending_(std::move(pending)), work_(std::move(work)) {}

  bool run(SqliteStore& store) override {
    auto result = work_(store);
    if (result) pending_->set(std::move(*result));
    return result.has_value();
  }

 private:
  std::shared_ptr<PendingCall<T>> pending_;
  Work work_;
};

// Calls with large bodies, between two of their steps. One has a step in the next commit, in turn.
class UnfinishedCalls {
 public:
  using Calls = std::deque<std::shared_ptr<SqliteCall>>;

  bool empty() const { return calls_.empty(); }
  void add(std::shared_ptr<SqliteCall> call) { calls_.push_back(std::move(call)); }
  bool step_is_due() const { return std::any_of(calls_.begin(), calls_.end(), is_due); }
  // REQUIRES step_is_due().
  std::shared_ptr<SqliteCall> take_due() {
    const auto due = std::find_if(calls_.begin(), calls_.end(), is_due);
    auto call = std::move(*due);
    calls_.erase(due);
    return call;
  }
  Calls take_all() { return std::exchange(calls_, {}); }

 private:
  static bool is_due(const std::shared_ptr<SqliteCall>& call) { return !call->waits() || call->waiting->dropped(); }

  Calls calls_;
};

}  // namespace tidegate::jobs
