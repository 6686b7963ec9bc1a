#include "sim/crowd.h"

#include <fmt/format.h>

#include <cstdlib>

#include "support/config_builder.h"

namespace tidegate::sim {

std::string config_of_outages(const std::string& breaker) {
  return test::ConfigBuilder()
      .admin("address: 127.0.0.1:9901")
      .listener("address: 10.0.0.1:8081")
      .upstream("up", "endpoints: [\"http://10.0.0.2:3001\"], breaker: {" + breaker +
                          "}, bulkhead: {max_concurrent: 10, max_waiting: 50, max_wait: 5s}")
      .queue("q", R"(url: "sqlite:///sim.db", max_jobs: 2000000, job_ttl: 200h, results: {ttl: 200h},
             replay: {max_attempts: 5})")
      .route("work", R"(match: {path: /work}, upstream: up, timeout: {total: 15s, response_header: 5s},
             fallback: {on: [breaker_open, bulkhead_full, pool_full, connect_failure, timeout, reset, 503],
                        enqueue: {queue: q}})");
}

uint64_t number_from(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

void LiveTraffic::run_for(Duration time) {
  for (Duration passed{}; passed < time; passed += 3s) {
    simulation_.client({.id = "live" + std::to_string(sent_++), .target = "/work?live", .body = "image"});
    simulation_.run_for(3s);
  }
}

void Crowd::add(uint64_t jobs, const std::function<bool(uint64_t)>& is_bad) {
  const WallTime now = simulation_.runtime().wall_now();
  for (const uint64_t end = added_ + jobs; added_ < end; ++added_) {
    jobs::JobDraft draft;
    draft.id = fmt::format("{:032x}", added_);
    draft.route = "work";
    draft.method = "POST";
    draft.target = fmt::format("/work?{}={}", is_bad(added_) ? "poison" : "job", added_);
    draft.body = {"image", nullptr};
    draft.created_at = now;
    draft.expires_at = now + simulation_.config().queues.begin()->second.job_ttl;
    draft.max_attempts = simulation_.config().queues.begin()->second.replay.max_attempts;
    simulation_.store().append_at_once(draft);
  }
}

uint64_t Crowd::waiting() const {
  const auto depth = simulation_.store().view().depth;
  const auto of = [&](jobs::JobStatus status) { return depth[static_cast<size_t>(status)]; };
  return of(jobs::JobStatus::queued) + of(jobs::JobStatus::running) + of(jobs::JobStatus::retrying);
}

}  // namespace tidegate::sim
