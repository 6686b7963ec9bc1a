// A few short texts that a store keeps beside its jobs, by name: what its process wants to find again after a restart.
// No promise: a note that the store cannot write is lost.
#pragma once

#include <functional>
#include <map>
#include <string>

namespace tidegate::jobs {

class NoteStore {
 public:
  virtual ~NoteStore() = default;

  // As they were when the store was opened.
  virtual const std::map<std::string, std::string>& notes() const = 0;
  // Overwrites; an empty text deletes. Any thread; never blocks, and is durable soon. `written` runs on any thread once
  // it is; never, where it cannot be written.
  virtual void write_note(const std::string& name, const std::string& text, std::function<void()> written) = 0;
  void write_note(const std::string& name, const std::string& text) { write_note(name, text, nullptr); }
};

}  // namespace tidegate::jobs
