#include "base/log/output.h"

#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <exception>

#include "base/log.h"
#include "base/log/writer.h"

namespace tidegate {

namespace {

// What a reader that pauses may owe: about 15,000 lines of the access log, or some seconds of a busy one.
constexpr size_t kBufferBytesMax = 4u << 20;
constexpr Duration kFlushTime = 1s;
constexpr int kCrashPollMs = 10;

std::atomic<LogWriter*> g_writer{nullptr};

// Between a crash and its end: the thread goes on writing, and nothing here takes a lock or allocates.
void wait_for_writer(int signal_number) {
  const LogWriter* writer = g_writer.load();
  for (int waited_ms = 0; waited_ms < ceil_ms(kFlushTime) && !writer->is_flushed(); waited_ms += kCrashPollMs) {
    ::poll(nullptr, 0, kCrashPollMs);
  }
  std::raise(signal_number);  // again, with its default action: once this handler has returned
}

void flush_on_crash(int signal_number) {
  struct sigaction action {};
  if (sigaction(signal_number, nullptr, &action) != 0 || action.sa_handler != SIG_DFL) return;  // a sanitizer's
  action.sa_handler = &wait_for_writer;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(signal_number, &action, nullptr);
}

[[noreturn]] void on_terminate() {
  std::string why = "terminate: called without an exception";
  if (const std::exception_ptr current = std::current_exception()) {
    try {
      std::rethrow_exception(current);
    } catch (const std::exception& error) {
      why = std::string("terminate: ") + error.what();
    } catch (...) {
      why = "terminate: an unknown exception";
    }
  }
  log_last_words(std::move(why));
  std::abort();
}

// Never destroyed: its thread may be in write(2) until the process has ended.
LogWriter& writer() {
  static LogWriter* const kWriter = [] {
    g_writer = new LogWriter(STDERR_FILENO, kBufferBytesMax, [](uint64_t dropped) {
      log_error("log_lines_dropped", {{"lines", dropped}});
    });
    std::atexit(&log_flush);
    std::set_terminate(&on_terminate);
    for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) flush_on_crash(number);
    return g_writer.load();
  }();
  return *kWriter;
}

}  // namespace

void log_write(std::string line) {
  line += '\n';
  writer().append(std::move(line));
}

void log_flush() {
  if (LogWriter* started = g_writer.load()) started->flush(kFlushTime);
}

uint64_t log_lines_dropped() {
  const LogWriter* started = g_writer.load();
  return started ? started->dropped() : 0;
}

void log_last_words(std::string text) {
  log_write(std::move(text));
  log_flush();
}

}  // namespace tidegate
