// A few short texts that a store keeps beside its jobs, by name: what its process wants to find again after a restart.
// No promise: a note that the store cannot write is lost.
#pragma once

#include <map>
#include <string>

namespace tidegate::jobs {

class NoteStore {
 public:
  virtual ~NoteStore() = default;

  // As they were when the store was opened.
  virtual const std::map<std::string, std::string>& notes() const = 0;
  // Overwrites; an empty text deletes. Any thread; never blocks, and is durable soon.
  virtual void write_note(const std::string& name, const std::string& text) = 0;
};

}  // namespace tidegate::jobs
