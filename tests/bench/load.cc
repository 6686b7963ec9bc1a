// bench-load --target PORT --workload small|post|large|job [--connections N] [--requests N] [--warmup N] [--hold]
// [--tls CA_FILE]: a closed loop. Each connection sends its next request when the response to the last one is complete
// and correct. Prints one line of JSON. With --hold it prints "ready" after the warm-up and waits for a line on stdin
// before the measured run, and for the end of stdin after it: the measurement includes no connects and no closes.
//
//   Connection:  Idle ──send_next──▶ Busy ──response complete──▶ Idle    wrong response, end, silence: error, reconnect
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "flags.h"
#include "response_reader.h"
#include "socket.h"
#include "wire.h"

namespace tidegate::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kReadBytes = 256 * 1024;
constexpr int kSilenceMs = 10'000;

struct Workload {
  std::string request;
  int status;
  std::size_t response_bytes;
};

std::string post(const std::string& path_and_host, std::size_t body_bytes) {
  return "POST " + path_and_host +
         "Content-Type: application/octet-stream\r\nContent-Length: " + std::to_string(body_bytes) + "\r\n\r\n" +
         std::string(body_bytes, 'y');
}

Workload find_workload(std::string_view name) {
  const std::string host = " HTTP/1.1\r\nHost: bench.test\r\nUser-Agent: bench-load\r\nAccept: */*\r\n";
  if (name == "small") return {"GET /small" + host + "\r\n", 200, 13};
  if (name == "large") return {"GET /large" + host + "\r\n", 200, 1 << 20};
  if (name == "post") return {post("/post" + host, 100'000), 200, 2};
  if (name == "job") return {post("/job" + host, 1024), 202, ResponseReader::kAnyLength};
  usage_error("--workload must be small, post, large or job, not " + std::string(name));
}

struct Connection {
  explicit Connection(ResponseReader fresh) : reader(std::move(fresh)) {}

  Wire wire;
  ResponseReader reader;
  std::size_t sent = 0;
  bool busy = false;
  Clock::time_point started;
};

class Load {
 public:
  // `trust`: with TLS; it outlives the load.
  Load(std::uint16_t port, Workload workload, std::size_t connections, const TlsTrust* trust)
      : port_(port), workload_(std::move(workload)), trust_(trust), read_buffer_(kReadBytes) {
    for (std::size_t i = 0; i < connections; ++i) {
      connections_.push_back(std::make_unique<Connection>(make_reader()));
      reconnect(*connections_.back());
    }
  }

  // Runs until `requests` requests have a response or an error. The latencies are those of the correct responses.
  void run(std::size_t requests) {
    to_start_ = to_finish_ = requests;
    errors_ = 0;
    latencies_.clear();
    latencies_.reserve(requests);
    const Clock::time_point began = Clock::now();
    for (auto& connection : connections_) start_next(*connection);
    while (to_finish_ > 0) {
      const auto events = poller_.wait(kSilenceMs);
      if (events.empty()) break;
      for (const epoll_event& event : events) serve(*static_cast<Connection*>(event.data.ptr), event.events);
    }
    errors_ += to_finish_;  // what never came back
    seconds_ = std::chrono::duration<double>(Clock::now() - began).count();
  }

  std::size_t errors() const { return errors_; }
  double seconds() const { return seconds_; }

  // The latency quantile in microseconds of the correct responses; 0: there was none.
  double percentile_us(double share) {
    if (latencies_.empty()) return 0;
    const auto place = static_cast<std::ptrdiff_t>(share * static_cast<double>(latencies_.size() - 1));
    std::nth_element(latencies_.begin(), latencies_.begin() + place, latencies_.end());
    return std::chrono::duration<double, std::micro>(latencies_[static_cast<std::size_t>(place)]).count();
  }

 private:
  ResponseReader make_reader() const { return {workload_.status, workload_.response_bytes}; }

  void reconnect(Connection& connection) {
    connection.wire = Wire::connect(port_, trust_);
    connection.reader = make_reader();
    if (connection.wire) poller_.add(connection.wire.fd(), &connection);
  }

  // Starts the next request of this connection. If it cannot connect, each request is an error at once.
  void start_next(Connection& connection) {
    while (to_start_ > 0) {
      --to_start_;
      connection.started = Clock::now();
      connection.sent = 0;
      connection.busy = true;
      if (connection.wire && send_more(connection)) return;
      count_error(connection);
    }
  }

  bool send_more(Connection& connection) {
    while (connection.sent < workload_.request.size()) {
      const ssize_t sent = connection.wire.send(std::string_view(workload_.request).substr(connection.sent));
      if (sent < 0) return sent == Wire::kNone;
      connection.sent += static_cast<std::size_t>(sent);
    }
    return true;
  }

  void serve(Connection& connection, std::uint32_t events) {
    if (!connection.wire) return;
    bool good = true;
    if (connection.busy && (events & Poller::kWritable) != 0) good = send_more(connection);
    if (good && (events & Poller::kReadable) != 0) good = receive(connection, events);
    if (good) return;
    if (connection.busy) {
      count_error(connection);
      start_next(connection);
    } else {
      reconnect(connection);  // closed between requests: legal, and no error
    }
  }

  // Reads as Poller requires. False: the connection is unusable.
  bool receive(Connection& connection, std::uint32_t events) {
    for (;;) {
      const ssize_t got = connection.wire.receive(read_buffer_.data(), read_buffer_.size());
      if (got < 0) return got == Wire::kNone;
      if (got == 0 || !connection.busy) return false;
      const auto size = static_cast<std::size_t>(got);
      const auto result = connection.reader.feed({read_buffer_.data(), size});
      if (result == ResponseReader::Result::Bad) return false;
      if (result == ResponseReader::Result::Done && !finish_one(connection)) return false;
      if (connection.wire.short_read_is_all() && size < read_buffer_.size() && (events & Poller::kHungUp) == 0)
        return true;
    }
  }

  // A response before the end of the request leaves the connection between two messages: an error.
  bool finish_one(Connection& connection) {
    if (connection.sent < workload_.request.size()) return false;
    latencies_.push_back(Clock::now() - connection.started);
    connection.busy = false;
    --to_finish_;
    start_next(connection);
    return true;
  }

  void count_error(Connection& connection) {
    connection.busy = false;
    ++errors_;
    --to_finish_;
    reconnect(connection);
  }

  std::uint16_t port_;
  Workload workload_;
  const TlsTrust* const trust_;
  std::vector<char> read_buffer_;
  Poller poller_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::size_t to_start_ = 0;
  std::size_t to_finish_ = 0;
  std::size_t errors_ = 0;
  double seconds_ = 0;
  std::vector<Clock::duration> latencies_;
};

void wait_for_line() {
  for (int c = std::getchar(); c != '\n' && c != EOF; c = std::getchar()) {
  }
}

}  // namespace
}  // namespace tidegate::bench

int main(int argc, char** argv) {
  using namespace tidegate::bench;
  Flags flags(argc, argv);
  const std::uint16_t port = flags.port("target");
  const std::string workload(flags.text("workload"));
  const std::size_t connections = flags.number("connections", 1, 10'000, 32);
  const std::size_t requests = flags.number("requests", 1, 100'000'000, 10'000);
  const std::size_t warmup = flags.number("warmup", 0, 100'000'000, 0);
  const bool holds = flags.has("hold");
  const std::string ca_file(flags.text("tls", ""));
  flags.finish();

  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
  std::optional<TlsTrust> trust;
  if (!ca_file.empty()) trust.emplace(ca_file.c_str());
  Load load(port, find_workload(workload), connections, trust ? &*trust : nullptr);
  if (warmup > 0) load.run(warmup);
  if (holds) {
    std::puts("ready");
    std::fflush(stdout);
    wait_for_line();
  }
  load.run(requests);
  std::printf(
      "{\"workload\":\"%s\",\"connections\":%zu,\"requests\":%zu,\"errors\":%zu,\"seconds\":%.6f,"
      "\"p50_us\":%.1f,\"p99_us\":%.1f}\n",
      workload.c_str(), connections, requests, load.errors(), load.seconds(), load.percentile_us(0.50),
      load.percentile_us(0.99));
  std::fflush(stdout);
  if (holds) wait_for_line();
}
