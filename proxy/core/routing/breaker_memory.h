// Open breakers outlive the process: each is a note in a queue's store, written when it opens, deleted when it closes,
// and read when the breaker is made. So a restart in an outage does not send the whole traffic to a broken upstream
// again.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/time.h"
#include "jobs/note_store.h"
#include "policy/breaker.h"

namespace tidegate::core {

class BreakerMemory {
 public:
  // `store` outlives the memory; null: nothing is remembered.
  explicit BreakerMemory(jobs::NoteStore* store) : store_(store) {}

  // Another store has the notes from now on: a reload has changed which queue the next process looks into. Null: none.
  // REQUIRES that the one before still exists.
  void move_to(jobs::NoteStore* store);

  // What was noted under `key`, if it is legible. `now`: of the wall clock, which goes on while no process runs.
  std::optional<policy::RememberedOpen> recall(const std::string& key, WallTime now);
  // `at`: when the transition was made. Half open is still remembered as open: no probe has succeeded yet.
  void note(const std::string& key, const policy::Transition& transition, WallTime at);
  void erase(const std::string& key);

 private:
  void write(const std::string& key, const std::string& text);

  jobs::NoteStore* store_;
  std::map<std::string, std::string> noted_;  // of the breakers of this process
};

}  // namespace tidegate::core
