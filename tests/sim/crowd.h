// Many jobs that wait through an outage: more than clients could park, so they are put into the store. The replay, the
// breaker, the claims are the production code.
#pragma once

#include <functional>
#include <string>

#include "sim/simulation.h"

namespace tidegate::sim {

// The breaker and the replay of the shipped configuration, but for these settings; jobs live longer than the longest
// outage.
std::string config_of_outages(const std::string& breaker = "");

// From the environment, else `otherwise`.
uint64_t number_from(const char* name, uint64_t otherwise);

// A request every three seconds, each with its own name, for so long.
class LiveTraffic {
 public:
  explicit LiveTraffic(Simulation& simulation) : simulation_(simulation) {}
  void run_for(Duration time);

 private:
  Simulation& simulation_;
  int sent_ = 0;
};

class Crowd {
 public:
  explicit Crowd(Simulation& simulation) : simulation_(simulation) {}

  // They have waited since now. Bad ones fail in every mood of the upstream.
  void add(uint64_t jobs, const std::function<bool(uint64_t number)>& is_bad);
  uint64_t waiting() const;  // or running

 private:
  Simulation& simulation_;
  uint64_t added_ = 0;
};

}  // namespace tidegate::sim
