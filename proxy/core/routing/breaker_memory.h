// Open breakers outlive the process: each is a note in a queue's store, written when it opens, deleted when it closes,
// and read when the breaker is made. So a restart in an outage does not send the whole traffic to a broken upstream
// again.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "jobs/job_queue.h"
#include "policy/breaker.h"

namespace tidegate::core {

class BreakerMemory {
 public:
  using Stores = std::vector<jobs::NoteStore*>;

  // Notes are written into the first of the stores, and looked for in all: a process that ended may have written into
  // another. Without one nothing is remembered. They outlive the memory, or their removal by use().
  explicit BreakerMemory(Stores stores)
      : stores_(std::move(stores)), store_(stores_.empty() ? nullptr : stores_.front()) {}

  // A reload has changed the stores. The one in use stays it, if it is one of them; else what is remembered moves to
  // the first: it is erased in the one before once it is durable in the other. `use` keeps the one before open until
  // then.
  void use(Stores stores, const std::shared_ptr<const void>& use_of_before);
  // Null: none.
  const jobs::NoteStore* store() const { return store_; }

  // What was last noted under `key`, if it is legible. `now`: of the wall clock, which goes on while no process runs.
  std::optional<policy::RememberedOpen> recall(const std::string& key, WallTime now);
  // `at`: when the transition was made. Half open is still remembered as open: no probe has succeeded yet.
  void note(const std::string& key, const policy::Transition& transition, WallTime at);
  void erase(const std::string& key);

 private:
  void write(const std::string& key, const std::string& text);

  Stores stores_;
  jobs::NoteStore* store_;                    // that is written
  std::map<std::string, std::string> noted_;  // of the breakers of this process
};

// Of open queues, by name: those that can be used now come before the others.
BreakerMemory::Stores note_stores_of(const std::map<std::string, std::shared_ptr<jobs::JobQueue>>& queues);

}  // namespace tidegate::core
