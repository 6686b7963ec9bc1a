// What a run of the simulator is configured with. Breaker, bulkhead, retry budget, rate limit and queue are on at the
// start, and every limit is small, so that runs reach the limits often; the reloads of a run change something of it at
// random.
//
// A marked configuration has a number, which a request shows everywhere it goes: the header field with the time that is
// left has it in its name (X-Version-7), and a fixed response in its body. Clients cannot shorten that time then.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"

namespace tidegate::sim {

class Settings {
 public:
  // `tls`: to the upstreams.
  Settings(Random& random, bool marked, bool tls);

  // One to four of them change, and the number.
  void change(Random& random);
  // All that a job may wait for is there: every route, one good endpoint for each upstream.
  void settle();
  std::string yaml() const;

  static constexpr std::string_view kMark = "x-version-";
  // Endpoints of `up` are the first ones, that of `other` is the last.
  static constexpr int kEndpoints = 4;
  static std::string address_of(int endpoint);

 private:
  void change_one(Random& random);
  void choose_limits(Random& random);
  std::string endpoint(int number) const;
  std::string tls() const;
  std::string upstreams() const;
  std::string queues() const;
  std::string routes() const;
  std::string work() const;
  std::string time_limits(int total_ms) const;

  const bool marked_;
  const bool tls_;
  int number_ = 0;
  std::vector<int> endpoints_{0};  // of `up`, never empty
  bool breaker_ = true;
  bool bulkhead_ = true;
  bool retry_budget_ = true;
  bool health_check_ = false;
  bool ejection_ = false;
  bool fewest_requests_ = false;
  bool work_ = true;            // has a route
  bool work_responds_ = false;  // instead of 202
  bool plain_ = true;           // has a route
  bool plain_first_ = false;
  bool other_ = false;  // an upstream, to which `plain` then goes
  bool more_ = false;   // a route of it with a queue of its own
  bool second_listener_ = false;
  uint64_t connections_ = 0;
  uint64_t pending_ = 0;
  uint64_t failures_ = 0;
  uint64_t buckets_ = 0;
  uint64_t probes_ = 0;
  uint64_t places_ = 0;
  uint64_t jobs_ = 0;
  uint64_t job_attempts_ = 0;
  uint64_t tries_ = 0;
  uint64_t burst_ = 15;
  uint64_t body_kib_ = 1024;  // the largest request body
  uint64_t replay_timeout_s_ = 4;
};

// The number in the name of a field "X-Version-N"; none: another field.
std::optional<int> version_of_field(std::string_view name);

}  // namespace tidegate::sim
