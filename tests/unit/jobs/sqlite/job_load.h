// Several clients that use a queue all at once, at random, and know what they were promised: what must be there after
// the queue's process or disk has died under them.
//
//   an answer "yes"      ▶ the job is in the new state, and stays
//   an answer "no"       ▶ a refusal: nothing changed; an I/O error: either state
//   no answer            ▶ either state
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "unit/jobs/sqlite/fixture.h"

namespace tidegate::jobs {

// A body "in a file" that is made of memory.
class MemoryFile final : public net::FileContent {
 public:
  explicit MemoryFile(std::string bytes) : bytes_(std::move(bytes)) {}
  uint64_t size() const override { return bytes_.size(); }
  Result<std::string> read_at(uint64_t offset, size_t count) const override {
    return bytes_.substr(static_cast<size_t>(offset), count);
  }

 private:
  std::string bytes_;
};

// The whole of a body; nothing where it cannot be read.
std::optional<std::string> read_all(RealFixture& fixture, net::BodyReader& reader);

class JobLoad {
 public:
  static constexpr uint64_t kBodyFileMin = 1 << 20;  // for the queue: some bodies have a file

  struct Found {          // at an inspection
    int lost = 0;         // promised, and not there
    int turned_back = 0;  // there, in a state that it had left for good
    int spoilt = 0;       // there, with another body or result
  };

  // `loud`: says what it finds.
  explicit JobLoad(uint64_t seed, bool loud = true) : random_(seed), loud_(loud) {}

  // `clients` at once, until each has done `turns` things, or is told that the store is gone.
  void run(RealFixture& fixture, JobQueue& queue, int clients, int turns);
  // Asks for every job after a restart, and takes what it finds for the truth from now on.
  Found inspect(RealFixture& fixture, JobQueue& queue);
  // Claims all that waits, replays all that is dead, and compares every body with what was sent.
  Found drain(RealFixture& fixture, JobQueue& queue);

  uint64_t promises() const { return promises_; }  // answers "yes"

 private:
  struct Known {
    std::string body;
    std::set<JobStatus> allowed;
    bool promised = false;
    std::string result;  // the last one that a succeed was asked for with
  };
  struct Client;

  void turn(Client& client);
  void append(Client& client);
  void claim(Client& client);
  void end(Client& client, const ClaimedJob& job);
  void cancel_or_replay(Client& client);
  template <typename T>
  auto then(Client& client, const std::string& id, JobStatus next);
  void judge(const std::string& id, const Result<JobRecord>& record, Found& found);
  void compare_results(RealFixture& fixture, JobQueue& queue, Found& found);
  BodyContent random_body(std::string& bytes);
  std::string any_job();

  Random random_;
  bool loud_;
  std::map<std::string, Known> known_;
  std::vector<std::string> ids_;
  uint64_t promises_ = 0;
  RealFixture* fixture_ = nullptr;
  JobQueue* queue_ = nullptr;
};

}  // namespace tidegate::jobs
