// Runs a queued job: one Attempt through the worker's own pool, its response collected for the store. A body that lies
// elsewhere is fetched by reference_fetch.h.
#pragma once

#include <functional>
#include <memory>

#include "core/worker.h"
#include "jobs/replay/replayer.h"

namespace tidegate::core {

class GatewayJobRunner final : public jobs::JobRunner {
 public:
  // The worker on whose loop jobs run, by the table in force when a run is admitted; it outlives the runner.
  explicit GatewayJobRunner(Worker& worker) : worker_(worker) {}

  jobs::JobRoutePtr route_of(const std::string& name) override;
  std::vector<std::string> routes_of(const jobs::JobQueue& queue) override;
  std::unique_ptr<net::Operation> run(jobs::JobRoutePtr route, const jobs::ClaimedJob& job,
                                      std::shared_ptr<net::BodyReader> body, const jobs::RunLimits& limits,
                                      jobs::RunCallbacks callbacks) override;
  std::unique_ptr<net::Operation> fetch_body(const jobs::JobRoutePtr& route, const jobs::ClaimedJob& job,
                                             std::function<void(jobs::FetchedBody)> done) override;

 private:
  Worker& worker_;
};

}  // namespace tidegate::core
