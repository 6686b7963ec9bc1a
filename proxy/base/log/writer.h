// A bounded buffer of log lines and the thread that writes them to a file descriptor. Appending takes one lock and
// never waits for the reader of the log: what does not fit is dropped and counted.
//
//              a line does not fit
//   flowing ─────────────────────────▶ dropping      every line is dropped, so that the gap is one
//      ▲                                  │
//      └──── the buffer has been written ─┘          `notice` says how many
//
// The thread uses blocking writes: O_NONBLOCK belongs to the open file description, which other processes share. It may
// therefore be in write(2) for ever. It is detached, and what it uses lives as long as it: a process can exit
// meanwhile. Whole lines are written together, as many as a pipe takes in one piece (PIPE_BUF), so that lines of
// several processes do not mix. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/time.h"

namespace tidegate {

class LogWriter {
 public:
  // `bytes_max`: of lines that are not written yet. `notice`: on the thread, when lines are written again after
  // `dropped` lines were not; it may append.
  using Notice = void (*)(uint64_t dropped);
  LogWriter(int descriptor, size_t bytes_max, Notice notice);
  // What is not written yet is lost. Does not wait for the thread.
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  // `line` ends with its only line feed.
  void append(std::string line);
  // Waits until all lines are written, at most so long.
  void flush(Duration at_most);
  // All lines are written. Async-signal-safe.
  bool is_flushed() const;
  // Lines that were not written since the start: they did not fit, or write(2) failed.
  uint64_t dropped() const;

 private:
  class Shared;
  const std::shared_ptr<Shared> shared_;
};

}  // namespace tidegate
