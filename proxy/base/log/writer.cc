#include "base/log/writer.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>

namespace tidegate {

namespace {

// SIGPIPE above all: a reader that is gone is a failed write. The others are for the threads that wait for them.
void take_no_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

// Writes all of it; returns what could not be written. Another process may have set O_NONBLOCK.
std::string_view write_whole(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written > 0) {
      text.remove_prefix(static_cast<size_t>(written));
    } else if (written < 0 && errno == EAGAIN) {
      pollfd writable{descriptor, POLLOUT, 0};
      ::poll(&writable, 1, -1);
    } else if (written == 0 || errno != EINTR) {
      break;
    }
  }
  return text;
}

}  // namespace

// What the owner and the thread share.
class LogWriter::Shared {
 public:
  Shared(int descriptor, size_t bytes_max, Notice notice)
      : descriptor_(descriptor), bytes_max_(bytes_max), notice_(notice) {}

  void append(std::string line) {
    const std::lock_guard lock(mutex_);
    const bool fits = unwritten_ + line.size() <= bytes_max_;
    if (!fits && unwritten_ > 0) state_ = State::dropping;
    if (!fits || state_ == State::dropping) {
      ++dropped_;
      return;
    }
    unwritten_ += line.size();
    lines_.push_back(std::move(line));
    if (lines_.size() == 1) arrived_.notify_one();
  }

  void flush(Duration at_most) {
    std::unique_lock lock(mutex_);
    written_.wait_for(lock, at_most, [this] { return unwritten_ == 0; });
  }

  void close() {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    lines_.clear();
    arrived_.notify_one();
  }

  bool is_flushed() const { return unwritten_ == 0; }

  uint64_t dropped() const {
    const std::lock_guard lock(mutex_);
    return dropped_;
  }

  // The thread's life.
  void run() {
    std::unique_lock lock(mutex_);
    while (!closing_) {
      arrived_.wait(lock, [this] { return closing_ || !lines_.empty(); });
      const std::string batch = take_batch();
      lock.unlock();
      const std::string_view lost = write_batch(batch);
      lock.lock();
      dropped_ += static_cast<uint64_t>(std::count(lost.begin(), lost.end(), '\n'));
      if (lines_.empty()) on_buffer_written(lock, lost.empty());
      unwritten_ -= batch.size();
      if (unwritten_ == 0) written_.notify_all();
    }
  }

 private:
  enum class State : uint8_t { flowing, dropping };

  // REQUIRES the lock.
  std::string take_batch() {
    std::string batch;
    while (!lines_.empty() && (batch.empty() || batch.size() + lines_.front().size() <= PIPE_BUF)) {
      batch += lines_.front();
      lines_.pop_front();
    }
    return batch;
  }

  std::string_view write_batch(std::string_view batch) {
    // What a failed write left of a line (a full disk) does not become the beginning of the next one.
    if (torn_ && !write_whole(descriptor_, "\n").empty()) return batch;
    const std::string_view lost = write_whole(descriptor_, batch);
    torn_ = !lost.empty() && lost.size() < batch.size() && batch[batch.size() - lost.size() - 1] != '\n';
    return lost;
  }

  // REQUIRES the lock. Without the notice where nothing can be written: its own loss would call for another one.
  void on_buffer_written(std::unique_lock<std::mutex>& lock, bool succeeded) {
    state_ = State::flowing;
    if (dropped_ == told_ || !succeeded) return;
    const uint64_t missing = dropped_ - std::exchange(told_, dropped_);
    lock.unlock();
    notice_(missing);
    lock.lock();
  }

  const int descriptor_;
  const size_t bytes_max_;
  const Notice notice_;

  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::condition_variable written_;
  State state_ = State::flowing;
  bool closing_ = false;
  std::deque<std::string> lines_;
  std::atomic<size_t> unwritten_{0};  // bytes of lines_, and of the batch that is being written
  uint64_t dropped_ = 0;
  uint64_t told_ = 0;  // of dropped_, by a notice

  bool torn_ = false;  // the thread's: a line has been written in part
};

LogWriter::LogWriter(int descriptor, size_t bytes_max, Notice notice)
    : shared_(std::make_shared<Shared>(descriptor, bytes_max, notice)) {
  std::thread([shared = shared_] {
    take_no_signals();
    shared->run();
  }).detach();
}

LogWriter::~LogWriter() { shared_->close(); }
void LogWriter::append(std::string line) { shared_->append(std::move(line)); }
void LogWriter::flush(Duration at_most) { shared_->flush(at_most); }
bool LogWriter::is_flushed() const { return shared_->is_flushed(); }
uint64_t LogWriter::dropped() const { return shared_->dropped(); }

}  // namespace tidegate
