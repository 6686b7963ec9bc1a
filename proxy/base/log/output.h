// Where log lines go: standard error, by a thread (writer.h) that begins with the first line. exit() and the return
// of main wait until the lines are written, but at most a second: a reader that has stopped does not keep a process.
// A crash (abort, terminate, a fatal signal) does the same. Only _Exit() needs log_flush() before it. Thread-safe.
#pragma once

#include <cstdint>
#include <string>

namespace tidegate {

// `line`: without a line feed.
void log_write(std::string line);
// Waits until all lines are written, at most a second.
void log_flush();
// Lines that are missing from the log since the start of the process.
uint64_t log_lines_dropped();

// What the process says before it ends, whatever `log.level` is; then log_flush().
void log_last_words(std::string text);

}  // namespace tidegate
