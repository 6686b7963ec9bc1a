// The job store alone, compared with plain group-committed SQLite on the same disk in the same run: durable appends per
// second, the cost of reopening and processing a long backlog, and the memory that a large body takes. Prints figures,
// asserts nothing.
//
//   bench-queue --folder DIR [--clients 64] [--seconds 3] [--rounds 3] [--backlog 100000] [--body-mib 32]
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "jobs/sqlite/db/db.h"
#include "jobs/sqlite/queue.h"
#include "net/clock.h"
#include "net/uv/uv_runtime.h"

#include "flags.h"

namespace tidegate::bench {

namespace {

using jobs::JobQueue;

double seconds_since(Time start) { return std::chrono::duration<double>(net::read_monotonic_clock() - start).count(); }

// "VmRSS" or "VmHWM" of this process, in MiB.
double memory_mib(const std::string& which) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(which)) return std::stod(line.substr(line.find(':') + 1)) / 1024;
  }
  return 0;
}
// Resets VmHWM.
void forget_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

// A body in a file, not in memory.
class Zeros final : public net::FileContent {
 public:
  explicit Zeros(uint64_t size) : size_(size) {}
  uint64_t size() const override { return size_; }
  Result<std::string> read_at(uint64_t at, size_t count) const override {
    return std::string(static_cast<size_t>(std::min<uint64_t>(count, size_ - std::min(at, size_))), 'z');
  }

 private:
  uint64_t size_;
};

class Bench {
 public:
  explicit Bench(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::string fresh(const std::string& name) {
    std::filesystem::remove_all(folder_ / name);
    std::filesystem::create_directories(folder_ / name);
    return folder_ / name / "jobs.db";
  }

  void open(const std::string& path) {
    committing_ = Duration(0);
    commits_ = 0;
    auto opened = jobs::open_sqlite_queue({.path = path, .on_commit = [this](Duration took) {
                                             committing_ += took;
                                             ++commits_;
                                           }});
    if (!opened) usage_error(opened.error().message);
    queue_ = std::move(*opened);
  }
  void close() {
    bool closed = false;
    queue_->close(loop_, [&] { closed = true; });
    turn_until([&] { return closed; });
    queue_.reset();
  }
  // After close().
  double seconds_committing() const { return std::chrono::duration<double>(committing_).count(); }
  uint64_t commits() const { return commits_; }
  JobQueue& queue() { return *queue_; }
  net::Runtime& home() { return loop_; }
  template <typename Done>
  void turn_until(Done done) {
    while (!done()) loop_.run_once();
  }
  template <typename T, typename Call>
  T ask(Call call) {
    std::optional<Result<T>> answer;
    const auto operation = call([&](Result<T> result) { answer.emplace(std::move(result)); });
    turn_until([&] { return answer.has_value(); });
    if (!*answer) usage_error(answer->error().message);
    return std::move(**answer);
  }
  jobs::JobDraft draft(jobs::BodyContent body) {
    jobs::JobDraft draft;
    draft.id = to_hex(loop_.random_id());
    draft.route = "optimize";
    draft.method = "POST";
    draft.target = "/optimize";
    draft.fields = {{"content-type", "image/jpeg"}};
    draft.body = std::move(body);
    draft.created_at = loop_.wall_now();
    draft.expires_at = draft.created_at + std::chrono::hours(24);
    return draft;
  }

  // `clients` append repeatedly until `enough`. Returns how many appends were durable.
  template <typename Enough>
  uint64_t append_until(size_t clients, Enough enough) {
    struct Client {
      jobs::OperationPtr operation;
      bool idle = false;
    };
    std::vector<Client> all(clients);
    uint64_t kept = 0;
    std::function<void(Client&)> next = [&](Client& client) {
      if (enough(kept)) return void(client.idle = true);
      client.operation =
          queue_->append(loop_, draft({std::string(1024, 'x'), nullptr}), [&](Result<jobs::Appended> appended) {
            if (!appended) usage_error(appended.error().message);
            ++kept;
            loop_.post([&] { next(client); });
          });
    };
    for (Client& client : all) next(client);
    turn_until([&] { return std::all_of(all.begin(), all.end(), [](const Client& client) { return client.idle; }); });
    return kept;
  }

 private:
  std::filesystem::path folder_;
  net::UvRuntime loop_{1};
  std::unique_ptr<JobQueue> queue_;
  Duration committing_{};  // store's thread, until close()
  uint64_t commits_ = 0;
};

// One table whose records are found by a random id, 64 of 1 KiB a commit, WAL and synchronous=FULL.
double plain_sqlite(Bench& bench, double seconds) {
  jobs::SqliteDb db(bench.fresh("plain"), "");
  db.exec(
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
      "CREATE TABLE records (seq INTEGER PRIMARY KEY, id TEXT UNIQUE, bytes BLOB)");
  const std::string record(1024, 'x');
  const Time start = net::read_monotonic_clock();
  uint64_t kept = 0;
  while (seconds_since(start) < seconds) {
    db.exec("BEGIN");
    for (int i = 0; i < 64; ++i) {
      const std::string id = to_hex(bench.home().random_id());
      jobs::Query(db, "INSERT INTO records (id, bytes) VALUES (?, ?)", id, jobs::Blob{record}).run();
    }
    db.exec("COMMIT");
    kept += 64;
  }
  return static_cast<double>(kept) / seconds_since(start);
}

double through_queue(Bench& bench, size_t clients, double seconds) {
  bench.open(bench.fresh("queue"));
  const Time start = net::read_monotonic_clock();
  const uint64_t kept = bench.append_until(clients, [&](uint64_t) { return seconds_since(start) >= seconds; });
  const double took = seconds_since(start);
  const double rate = static_cast<double>(kept) / took;
  bench.close();
  std::printf("queue: %.0f appends a commit, %.0f %% of the time in commits\n",
              static_cast<double>(kept) / static_cast<double>(bench.commits()),
              100 * bench.seconds_committing() / took);
  return rate;
}

void compare_appends(Bench& bench, size_t clients, double seconds, uint64_t rounds) {
  std::vector<double> ratios;
  for (uint64_t round = 0; round < rounds; ++round) {
    const double plain = plain_sqlite(bench, seconds);
    const double queue = through_queue(bench, clients, seconds);
    ratios.push_back(queue / plain);
    std::printf("appends/s  plain SQLite %8.0f   queue, %zu clients %8.0f   ratio %.2f\n", plain, clients, queue,
                queue / plain);
  }
  std::sort(ratios.begin(), ratios.end());
  std::printf("appends: the median ratio is %.2f\n", ratios[ratios.size() / 2]);
}

constexpr int kDrained = 500;

// Claims and ends jobs one after the other. Returns the seconds per job.
double drain(Bench& bench) {
  const Time start = net::read_monotonic_clock();
  for (int i = 0; i < kDrained; ++i) {
    const auto job = bench.ask<std::optional<jobs::ClaimedJob>>(
        [&](auto done) { return bench.queue().claim(bench.home(), std::chrono::minutes(1), done); });
    bench.ask<Ok>([&](auto done) {
      return bench.queue().succeed(bench.home(), *job, {bench.home().wall_now(), Duration(1), ""}, {200, {}, {}}, done);
    });
  }
  return seconds_since(start) / kDrained;
}

void work_on_backlog(Bench& bench, uint64_t jobs) {
  const std::string path = bench.fresh("backlog");
  bench.open(path);
  std::printf("backlog: RSS %.1f MiB with none\n", memory_mib("VmRSS"));
  Time start = net::read_monotonic_clock();
  // Appends in flight at the end are counted: a few more than requested.
  bench.append_until(256, [&](uint64_t kept) { return kept >= jobs; });
  std::printf("backlog: %lu jobs of 1 KiB in %.1f s, RSS %.1f MiB\n", static_cast<unsigned long>(jobs),
              seconds_since(start), memory_mib("VmRSS"));
  bench.close();
  start = net::read_monotonic_clock();
  bench.open(path);
  std::printf("backlog: reopened in %.3f s, RSS %.1f MiB, file %.0f MiB\n", seconds_since(start), memory_mib("VmRSS"),
              static_cast<double>(std::filesystem::file_size(path)) / (1 << 20));
  const double a_job = drain(bench);
  const double memory = memory_mib("VmRSS");
  bench.close();
  bench.open(bench.fresh("few"));
  bench.append_until(64, [&](uint64_t kept) { return kept >= kDrained; });
  const double a_job_of_few = drain(bench);
  std::printf(
      "backlog: claim and succeed, one at a time: %.0f us a job, with few jobs %.0f us: ratio %.2f; RSS %.1f MiB\n",
      a_job * 1e6, a_job_of_few * 1e6, a_job / a_job_of_few, memory);
  bench.close();
}

void keep_large_body(Bench& bench, uint64_t mib) {
  bench.open(bench.fresh("body"));
  forget_peak();
  const double before = memory_mib("VmRSS");
  const Time start = net::read_monotonic_clock();
  bench.ask<jobs::Appended>([&](auto done) {
    return bench.queue().append(bench.home(), bench.draft({"", std::make_shared<Zeros>(mib << 20)}), done);
  });
  std::printf("a body of %lu MiB from a file: durable in %.2f s; RSS %.1f MiB, at most %.1f MiB more meanwhile\n",
              static_cast<unsigned long>(mib), seconds_since(start), before, memory_mib("VmHWM") - before);
  bench.close();
}

}  // namespace

int run(int argc, char** argv) {
  Flags flags(argc, argv);
  const std::filesystem::path folder = std::filesystem::path(flags.text("folder")) / "bench-queue";
  const auto clients = static_cast<size_t>(flags.number("clients", 1, 1024, 64));
  const auto seconds = static_cast<double>(flags.number("seconds", 1, 600, 3));
  const uint64_t rounds = flags.number("rounds", 1, 100, 3);
  const uint64_t backlog = flags.number("backlog", 1, 99'000, 99'000);
  const uint64_t body_mib = flags.number("body-mib", 1, 800, 32);
  flags.finish();
  Bench bench(folder);
  keep_large_body(bench, body_mib);
  work_on_backlog(bench, backlog);
  compare_appends(bench, clients, seconds, rounds);
  std::filesystem::remove_all(folder);
  return 0;
}

}  // namespace tidegate::bench

int main(int argc, char** argv) { return tidegate::bench::run(argc, argv); }
