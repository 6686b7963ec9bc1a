#include "sim/simulation.h"

#include <fmt/format.h>

#include "config/load/loader.h"
#include "sim/invariants.h"

namespace tidegate::sim {

namespace {

// Every feature is on and every limit is small, so that runs reach the limits often.
std::string config_text(Random& random) {
  return fmt::format(R"(
admin: {{address: 127.0.0.1:9901}}
upstreams:
  up:
    endpoints: [http://10.0.0.2:3001]
    connect_timeout: 1s
    max_connections: {connections}
    max_pending: {pending}
    pending_timeout: 500ms
    max_idle_connections: 3
    idle_timeout: 5s
    breaker: {{consecutive_failures: {failures}, failure_ratio: 0.6, min_requests: 10, window: 10s, window_buckets: {buckets},
              open_for: 5s, open_for_max: 20s, half_open_requests: {probes}, half_open_timeout: 8s}}
    bulkhead: {{max_concurrent: {places}, max_waiting: 5, max_wait: 500ms}}
    retry_budget: {{ratio: 0.5, min_per_second: 2}}
queues:
  q:
    url: sqlite:///sim.db
    job_ttl: 24h
    max_jobs: {jobs}
    replay: {{concurrency: 3, max_attempts: {job_attempts}, timeout: 4s, backoff: {{base: 500ms, max: 10s, jitter: equal}}}}
listeners:
  - name: in
    address: 10.0.0.1:8081
    limits: {{body: 1MiB, body_timeout: 5s}}
    routes:
      - name: work
        match: {{methods: [POST, GET], path: /work}}
        upstream: up
        rate_limit: {{key: global, rate: 20/s, burst: 15}}
        timeout: {{total: 6s, per_try: 3s, response_header: 2s, idle: 3s}}
        retry: {{max_attempts: {tries}, on: [connect_failure, reset, 503], methods: idempotent,
                backoff: {{base: 50ms, max: 1s, jitter: full}}}}
        fallback:
          on: [breaker_open, bulkhead_full, pool_full, connect_failure, timeout, reset, 502, 503, 504]
          enqueue: {{queue: q, max_body: 512KiB}}
      - name: plain
        match: {{methods: [POST, GET], path: /plain}}
        upstream: up
        timeout: {{total: 5s, per_try: 4s, response_header: 3s, idle: 2s}}
)",
                     fmt::arg("connections", 2 + random.below(10)), fmt::arg("pending", random.below(6)),
                     fmt::arg("failures", 2 + random.below(5)), fmt::arg("buckets", random.chance(0.3) ? 1 : 10),
                     fmt::arg("probes", 1 + random.below(2)), fmt::arg("places", 2 + random.below(6)),
                     fmt::arg("jobs", 3 + random.below(40)), fmt::arg("job_attempts", 3 + random.below(4)),
                     fmt::arg("tries", 1 + random.below(3)));
}

std::string random_body(Random& random) {
  const double kind = random.uniform();
  size_t size = random.below(2000);
  if (kind < 0.1) size = random.below(700'000);  // beyond memory, beyond the queue's max_body
  if (kind > 0.9) size = 0;
  std::string body;
  body.reserve(size);
  while (body.size() < size) body += static_cast<char>('A' + random.below(26));
  return body;
}

std::shared_ptr<const config::Config> load(const std::string& yaml) {
  const auto no_environment = [](const std::string&) { return std::optional<std::string>(); };
  const config::LoadResult loaded = config::load_text(yaml, "sim.yaml", no_environment);
  for (const config::Diagnostic& error : loaded.errors) std::fprintf(stderr, "%s\n", error.to_string().c_str());
  TG_ASSERT(loaded.config);
  return loaded.config;
}

}  // namespace

Simulation::Simulation(const Scenario& scenario) : Simulation(scenario, "") {}

Simulation::Simulation(const Scenario& scenario, const std::string& yaml)
    : scenario_(scenario),
      random_(scenario.seed),
      runtime_(random_.next()),
      config_(load(yaml.empty() ? config_text(random_) : yaml)),
      queue_name_(config_->queues.begin()->first) {
  const config::Endpoint& endpoint = config_->upstreams.begin()->second.endpoints[0];
  upstream_address_ = {*IpAddress::parse(endpoint.host), endpoint.port};
  upstream_ = std::make_unique<SimUpstream>(runtime_, upstream_address_, random_.next());
  jobs::QueueLimits limits;
  limits.max_jobs = config_->queues.begin()->second.max_jobs;
  store_ = jobs::SimQueue::make(runtime_, limits, random_.next());
  start_tidegate();
}

Simulation::~Simulation() {
  events_.clear();
  clients_.clear();
  end_tidegate();
  upstream_.reset();
  store_.reset();
}

void Simulation::start_tidegate() {
  ++lives_;
  metrics_ = metrics::Metrics::make(*config_, "sim", "sim");
  core::Policies::QueueStores queues;
  queues[queue_name_] = store_;
  gateway_ = std::make_unique<core::Gateway>(runtime_, config_, *metrics_, std::move(queues), random_.next());
  worker_ = std::make_unique<core::Worker>(runtime_, *gateway_);
  listeners_ = std::make_unique<core::Listeners>(*worker_);
  TG_ASSERT(listeners_->listen().ok());
  replaying_ = std::make_unique<core::Replaying>(*worker_);
  replaying_->start();
}

// Like kill -9: the store loses what was not durable, then everything stops at once.
void Simulation::kill_tidegate() {
  ++kills_;
  store_->crash();
  end_tidegate();
  metrics_.reset();
}

void Simulation::end_tidegate() {
  replaying_.reset();
  listeners_.reset();
  runtime_.delete_disposed();  // exchanges, which give back what the gateway counts
  worker_.reset();
  gateway_.reset();
}

SimClient& Simulation::client(ClientPlan plan) {
  if (plan.starts < runtime_.now()) plan.starts = runtime_.now();
  clients_.push_back(std::make_unique<SimClient>(runtime_, listener().to_string(), std::move(plan)));
  return *clients_.back();
}

void Simulation::schedule_clients() {
  for (int i = 0; i < scenario_.clients; ++i) {
    ClientPlan plan;
    plan.id = fmt::format("r{}", i);
    plan.method = random_.chance(0.3) ? "GET" : "POST";
    plan.target = fmt::format("{}?n={}", random_.chance(0.8) ? "/work" : "/plain", i);
    if (plan.method == "POST") plan.body = random_body(random_);
    plan.starts = runtime_.now() +
                  Duration(static_cast<int64_t>(random_.below(static_cast<uint64_t>(scenario_.troubles_for.count()))));
    if (random_.chance(0.15)) plan.leaves_after = Duration(static_cast<int64_t>(random_.below(3'000'000'000)));
    if (random_.chance(0.2)) plan.timeout = std::chrono::milliseconds(100 + random_.below(8000));
    client(std::move(plan));
  }
}

void Simulation::schedule_troubles() {
  const auto span = static_cast<uint64_t>(scenario_.troubles_for.count());
  const int count = 3 + static_cast<int>(random_.below(8));
  for (int i = 0; i < count; ++i) {
    events_.push_back(std::make_unique<net::Timer>(runtime_, [this] { trouble(); }));
    events_.back()->start_after(Duration(static_cast<int64_t>(random_.below(span))));
  }
}

void Simulation::trouble() {
  UpstreamMood mood;
  switch (random_.below(9)) {
    case 0: mood.error = 1; break;
    case 1: mood.hang = 1; break;
    case 2: mood.abort = 0.5; break;
    case 3: mood.error = mood.hang = mood.abort = 0.2; break;
    case 4: mood.latency_max = 6s; break;
    case 5: upstream_->stop(); return;
    case 6:
      if (scenario_.network_faults) {
        net::SimLink link;
        link.refuse = random_.uniform() * 0.5;
        link.reset = random_.uniform() * 0.05;
        link.fragment = 0.5;
        link.blackhole = 0.1;
        link.latency_max = 200ms;
        runtime_.set_link(upstream_address_, link);
      }
      return;
    case 7:
      if (scenario_.store_faults) {
        jobs::SimQueueFaults faults;
        faults.fail = random_.uniform() * 0.5;
        faults.stall = random_.uniform() * 0.3;
        store_->set_faults(faults);
      }
      return;
    case 8:
      if (scenario_.crashes) {
        kill_tidegate();
        start_tidegate();
      }
      return;
  }
  upstream_->set_mood(mood);
  upstream_->start();
}

void Simulation::heal() {
  upstream_->set_mood({});
  upstream_->start();
  runtime_.set_link(upstream_address_, {});
  store_->set_faults({});
}

// After heal() every job must end within a bound: the longest open_for plus all backoffs.
void Simulation::settle() {
  heal();
  runtime_.run_for(600s);
}

std::vector<std::string> Simulation::run() {
  schedule_clients();
  schedule_troubles();
  runtime_.run_for(scenario_.troubles_for);
  settle();
  Findings findings;
  check_responses(findings, clients_, *config_);
  check_jobs(findings, clients_, *store_, *upstream_, *config_);
  check_upstream(findings, clients_, *upstream_, *store_, *config_, kills_);
  check_rates(findings, clients_, *config_, kills_);
  check_policies(findings, *gateway_, runtime_.now());
  check_metrics(findings, *metrics_);
  clients_.clear();
  events_.clear();
  replaying_.reset();
  listeners_.reset();
  worker_.reset();
  gateway_.reset();
  upstream_.reset();
  runtime_.run_for(60s);
  check_leaks(findings, runtime_);
  return findings.all();
}

}  // namespace tidegate::sim
