// The buffer and the thread behind the log, over real pipes and files.
#include "base/log/writer.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

namespace tidegate {

namespace {

constexpr size_t kLineBytes = 100;
constexpr size_t kBufferBytesMax = 100 * kLineBytes;

std::string line_of(const std::string& text) { return text + std::string(kLineBytes - 1 - text.size(), '.') + '\n'; }

std::string text_of(const std::string& line) { return line.substr(0, line.find('.')); }

// A pipe as small as the system makes one, with a LogWriter at one end.
class PipeFixture {
 public:
  PipeFixture() {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    reader_ = fdopen(ends[0], "r");
    descriptor = ends[1];
    fcntl(descriptor, F_SETPIPE_SZ, 4096);
    writer.emplace(descriptor, kBufferBytesMax,
                   [](uint64_t dropped) { current->writer->append(line_of("dropped " + std::to_string(dropped))); });
    current = this;
  }
  // The descriptor stays open: the writer's thread may still be about to write to it.
  ~PipeFixture() {
    writer.reset();
    std::fclose(reader_);
  }

  std::string read_line() {
    char line[2 * kLineBytes] = "";
    REQUIRE(std::fgets(line, sizeof(line), reader_) != nullptr);
    return line;
  }

  static inline PipeFixture* current = nullptr;
  int descriptor = -1;
  std::optional<LogWriter> writer;

 private:
  std::FILE* reader_ = nullptr;
};

}  // namespace

TEST_CASE("appending does not wait for a reader that has stopped, and what was dropped is told where it is missing") {
  PipeFixture log;
  constexpr uint64_t kLines = 1000;  // ten times what buffer and pipe hold
  for (uint64_t i = 0; i < kLines; ++i) log.writer->append(line_of(std::to_string(i)));
  const uint64_t dropped = log.writer->dropped();
  CHECK(dropped > kLines / 2);
  CHECK_FALSE(log.writer->is_flushed());

  for (uint64_t i = 0; i < kLines - dropped; ++i) REQUIRE(log.read_line() == line_of(std::to_string(i)));
  CHECK(log.read_line() == line_of("dropped " + std::to_string(dropped)));
  log.writer->append(line_of("again"));
  CHECK(log.read_line() == line_of("again"));
  CHECK(log.writer->dropped() == dropped);
}

TEST_CASE("lines of several threads are whole, and those of each thread in order") {
  PipeFixture log;
  constexpr int kThreads = 4, kLines = 20;  // together less than the buffer holds
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < kLines; ++i) log.writer->append(line_of(std::to_string(thread) + " " + std::to_string(i)));
    });
  }
  std::vector<int> next(kThreads);
  for (int i = 0; i < kThreads * kLines; ++i) {
    const std::string text = text_of(log.read_line());
    const int thread = text.at(0) - '0';
    CHECK(text == std::to_string(thread) + " " + std::to_string(next.at(thread)++));
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(log.writer->dropped() == 0);
}

TEST_CASE("every line is written where another process has made the descriptor non-blocking") {
  PipeFixture log;
  fcntl(log.descriptor, F_SETFL, O_NONBLOCK);
  for (int i = 0; i < 90; ++i) log.writer->append(line_of(std::to_string(i)));
  for (int i = 0; i < 90; ++i) CHECK(log.read_line() == line_of(std::to_string(i)));
}

TEST_CASE("a line that is longer than a pipe or the rest of the buffer is written whole, or dropped and told") {
  PipeFixture log;
  const std::string too_long(kBufferBytesMax, 'x');
  log.writer->append(too_long + "\n");
  CHECK(log.writer->dropped() == 1);
  log.writer->append(line_of("next"));
  CHECK(log.read_line() == line_of("next"));
  CHECK(log.read_line() == line_of("dropped 1"));
}

TEST_CASE("flush ends when the lines are written, and at its time when nobody reads") {
  PipeFixture log;
  log.writer->append(line_of("one"));
  log.writer->flush(1h);
  CHECK(log.writer->is_flushed());
  for (int i = 0; i < 90; ++i) log.writer->append(line_of(std::to_string(i)));
  log.writer->flush(1ms);
  CHECK_FALSE(log.writer->is_flushed());
}

TEST_CASE("a writer can be destroyed while its thread is in write") {
  PipeFixture log;
  for (int i = 0; i < 90; ++i) log.writer->append(line_of(std::to_string(i)));
  log.writer.reset();
}

TEST_CASE("lines that could not be written are counted, and told when writing works again") {
  PipeFixture log;
  const int pipe_end = dup(log.descriptor);
  const int full = open("/dev/full", O_WRONLY);
  REQUIRE(dup2(full, log.descriptor) >= 0);
  for (int i = 0; i < 3; ++i) log.writer->append(line_of("lost"));
  log.writer->flush(1h);
  CHECK(log.writer->dropped() == 3);
  REQUIRE(dup2(pipe_end, log.descriptor) >= 0);
  log.writer->append(line_of("next"));
  CHECK(log.read_line() == line_of("next"));
  CHECK(log.read_line() == line_of("dropped 3"));
  close(pipe_end);
  close(full);
}

TEST_CASE("a line of which a full disk took a part is not continued by the next one") {
  PipeFixture log;
  std::FILE* file = std::tmpfile();
  REQUIRE(dup2(fileno(file), log.descriptor) >= 0);
  rlimit limit{};
  getrlimit(RLIMIT_FSIZE, &limit);
  const rlimit small{kLineBytes + 7, limit.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  log.writer->append(line_of("first"));
  log.writer->append(line_of("second"));
  log.writer->flush(1h);
  setrlimit(RLIMIT_FSIZE, &limit);
  std::signal(SIGXFSZ, handler);
  CHECK(log.writer->dropped() == 1);
  log.writer->append(line_of("third"));
  log.writer->flush(1h);

  std::string text(1000, '\0');
  text.resize(static_cast<size_t>(pread(fileno(file), text.data(), text.size(), 0)));
  CHECK(text == line_of("first") + "second." + "\n" + line_of("third") + line_of("dropped 1"));
  std::fclose(file);
}

}  // namespace tidegate
