#include "sim/simulation.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/assert.h"
#include "sim/bounds.h"
#include "support/config_builder.h"
#include "support/tls_contexts.h"

namespace tidegate::sim {

namespace {

constexpr uint64_t kReloadsMax = 8;
constexpr int kRequestsPerReload = 4;
constexpr uint64_t kReloadTime = 60'000'000;  // nanoseconds; about so long it takes

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

std::string random_target(Random& random, int number, bool reloads) {
  const char* path = random.chance(0.8) ? "/work" : "/plain";
  if (reloads && random.chance(0.2)) path = "/more";
  return fmt::format("{}?n={}", path, number);
}

// Of the endpoint with this number.
std::shared_ptr<net::TlsContext> upstream_tls(size_t number) {
  static std::vector<std::shared_ptr<net::TlsContext>> contexts;
  for (size_t i = contexts.size(); i <= number; ++i) {
    const std::string address = Settings::address_of(static_cast<int>(i));
    const std::string ip = address.substr(0, address.find(':'));
    contexts.push_back(test::server_context(test::Authority::of_program().issue("sim_" + ip, {.names = {ip}})));
  }
  return contexts[number];
}

}  // namespace

Simulation::Simulation(const Scenario& scenario) : Simulation(scenario, "") {}

Simulation::Simulation(const Scenario& scenario, const std::string& yaml)
    : scenario_(scenario),
      random_(scenario.seed),
      runtime_(random_.next()),
      reloads_(scenario.reloads && yaml.empty() && random_.chance(0.7)),
      shadow_(runtime_) {
  if (yaml.empty()) settings_.emplace(random_, reloads_, scenario.tls);
  config_ = test::load_config(settings_ ? settings_->yaml() : yaml);
  start_upstreams(reloads_ ? Settings::kEndpoints : 1);
  start_tidegate();
}

Simulation::~Simulation() {
  events_.clear();
  clients_.clear();
  tunnels_.clear();
  process_.reset();
}

// All but the last are endpoints of the same upstream, and count together.
void Simulation::start_upstreams(size_t count) {
  const auto calls = std::make_shared<CallCount>();
  for (size_t i = 0; i < count; ++i) {
    const config::Endpoint& first = config_->upstreams.begin()->second.endpoints[0];
    const auto address = reloads_ ? SocketAddress::parse(Settings::address_of(static_cast<int>(i)))
                                  : SocketAddress::parse(first.authority);
    TG_ASSERT(address);
    const bool is_other = i > 0 && i + 1 == count;
    upstreams_.push_back(std::make_unique<SimUpstream>(runtime_, *address, random_.next(),
                                                       scenario_.tls ? upstream_tls(i) : nullptr,
                                                       is_other ? std::make_shared<CallCount>() : calls));
    upstreams_.back()->on_call([this, at = *address](const http::RequestHead& head) { shadow_.on_call(at, head); });
  }
}

// What a process leaves is there for the next.
std::shared_ptr<jobs::JobQueue> Simulation::open_store(const std::string& queue) {
  std::shared_ptr<jobs::SimQueue>& store = open_stores_[queue];
  if (store) return store;
  jobs::QueueLimits limits;
  limits.max_jobs = config_->queues.begin()->second.max_jobs;
  store = jobs::SimQueue::make(runtime_, limits, random_.next());
  stores_.push_back(store);
  return store;
}

void Simulation::on_table_in_force(std::shared_ptr<const config::Config> config) {
  shadow_.on_in_force(config);
  configs_.push_back(std::move(config));
}

void Simulation::start_tidegate() {
  if (++lives_ > 1) ++limiter_renewals_;
  const size_t workers = reloads_ ? 1 + random_.below(2) : 1;
  process_ = std::make_unique<SimProcess>(runtime_, static_cast<ProcessHost&>(*this), config_, workers, random_.next(),
                                          counts_);
}

// Like kill -9: the stores lose what was not durable, then everything stops at once.
void Simulation::kill_tidegate() {
  ++kills_;
  for (const auto& [name, store] : open_stores_) store->crash();
  process_.reset();
}

SimClient& Simulation::client(ClientPlan plan) {
  if (plan.starts < runtime_.now()) plan.starts = runtime_.now();
  SocketAddress listener = config_->listeners[0].address;
  if (reloads_ && plan.target.starts_with("/plain") && random_.chance(0.3)) ++listener.port;  // in2, if it is there
  clients_.push_back(std::make_unique<SimClient>(runtime_, listener.to_string(), std::move(plan)));
  return *clients_.back();
}

void Simulation::schedule_clients(int count, uint64_t within) {
  for (int i = 0; i < count; ++i) {
    ClientPlan plan;
    const int number = static_cast<int>(clients_.size());
    plan.id = fmt::format("r{}", number);
    plan.method = random_.chance(0.3) ? "GET" : "POST";
    plan.target = random_target(random_, number, reloads_);
    if (plan.method == "POST") plan.body = random_body(random_);
    plan.starts = runtime_.now() + Duration(static_cast<int64_t>(random_.below(within)));
    if (random_.chance(0.15)) plan.leaves_after = Duration(static_cast<int64_t>(random_.below(3'000'000'000)));
    if (!reloads_ && random_.chance(0.2)) plan.timeout = std::chrono::milliseconds(100 + random_.below(8000));
    client(std::move(plan));
  }
}

void Simulation::schedule_tunnels() {
  for (int i = 0; i < scenario_.tunnels; ++i) {
    const auto after = static_cast<int64_t>(random_.below(static_cast<uint64_t>(scenario_.troubles_for.count())));
    tunnels_.push_back(std::make_unique<SimTunnelClient>(runtime_, config_->listeners[0].address, fmt::format("t{}", i),
                                                         runtime_.now() + Duration(after), random_.next()));
  }
}

void Simulation::schedule(uint64_t count, const std::function<void()>& event) {
  const auto span = static_cast<uint64_t>(scenario_.troubles_for.count());
  for (uint64_t i = 0; i < count; ++i) {
    events_.push_back(std::make_unique<net::Timer>(runtime_, event));
    events_.back()->start_after(Duration(static_cast<int64_t>(random_.below(span))));
  }
}

void Simulation::trouble() {
  UpstreamMood mood;
  SimUpstream& upstream = *upstreams_[random_.below(upstreams_.size())];
  switch (random_.below(9)) {
    case 0: mood.error = 1; break;
    case 1: mood.hang = 1; break;
    case 2: mood.abort = 0.5; break;
    case 3: mood.error = mood.hang = mood.abort = 0.2; break;
    case 4: mood.latency_max = 6s; break;
    case 5: upstream.stop(); return;
    case 6:
      if (scenario_.network_faults) {
        net::SimLink link;
        link.refuse = random_.uniform() * 0.5;
        link.reset = random_.uniform() * 0.05;
        link.fragment = 0.5;
        link.blackhole = 0.1;
        link.latency_max = 200ms;
        runtime_.set_link(upstream.address(), link);
      }
      return;
    case 7:
      if (scenario_.store_faults) {
        jobs::SimQueueFaults faults;
        faults.fail = random_.uniform() * 0.5;
        faults.stall = random_.uniform() * 0.3;
        for (const auto& store : stores_) store->set_faults(faults);
      }
      return;
    case 8:
      if (scenario_.crashes) {
        kill_tidegate();
        start_tidegate();
      }
      return;
  }
  upstream.set_mood(mood);
  upstream.start();
}

// Some requests come meanwhile.
void Simulation::reload() {
  schedule_clients(kRequestsPerReload, kReloadTime);
  settings_->change(random_);
  const double how_far = random_.uniform();
  const auto fate = how_far < 0.15  ? SimProcess::Fate::refused_when_built
                    : how_far < 0.3 ? SimProcess::Fate::refused_by_a_worker
                                    : SimProcess::Fate::applied;
  const auto config = test::load_config(settings_->yaml());
  process_->reload(config, fate, [this, config] {
    if (renews_limiter(*config)) ++limiter_renewals_;
    config_ = config;
  });
}

// Of the route `work`.
bool Simulation::renews_limiter(const config::Config& next) const {
  const config::Route* before = find_route(*config_, "/work");
  const config::Route* after = find_route(next, "/work");
  return after && (!before || before->rate_limit->limit != after->rate_limit->limit);
}

void Simulation::stop() {
  if (process_->stops()) return;
  ++stops_;
  process_->stop([this, life = lives_] {
    if (life != lives_) return;  // it was killed meanwhile
    process_.reset();
    start_tidegate();
  });
}

void Simulation::heal() {
  for (const auto& upstream : upstreams_) {
    upstream->set_mood({});
    upstream->start();
    runtime_.set_link(upstream->address(), {});
  }
  for (const auto& store : stores_) store->set_faults({});
}

// What jobs wait for is configured again.
void Simulation::use_settings() {
  settings_->settle();
  const auto config = test::load_config(settings_->yaml());
  while (config_ != config) {
    process_->reload(config, SimProcess::Fate::applied, [this, config] { config_ = config; });
    runtime_.run_for(1s);
  }
}

// After heal() every job must end within a bound: the longest open_for plus all backoffs.
void Simulation::settle() {
  heal();
  if (reloads_) use_settings();
  runtime_.run_for(600s);
}

bool Simulation::is_undisturbed() const {
  const auto was_stopped = [](const auto& upstream) { return upstream->was_stopped(); };
  return !scenario_.network_faults && !scenario_.crashes && !reloads_ &&
         std::none_of(upstreams_.begin(), upstreams_.end(), was_stopped);
}

void Simulation::check(Findings& findings) {
  check_responses(findings, clients_, configs_);
  check_jobs(findings, clients_, stores_, upstreams_, configs_);
  check_upstream(findings, clients_, upstreams_, stores_, configs_, kills_ + static_cast<size_t>(counts_.cut_off));
  check_rates(findings, clients_, configs_, limiter_renewals_);
  check_endpoints(findings, gateway(), upstreams_, runtime_.now());
  check_tunnels(findings, tunnels_, upstreams_, is_undisturbed());
  check_policies(findings, gateway(), runtime_.now());
  check_metrics(findings, process_->metrics());
  shadow_.check_census(findings, 1);
  if (reloads_) shadow_.check(findings, clients_, jobs_by_request(stores_));
}

std::vector<std::string> Simulation::run() {
  schedule_clients(scenario_.clients, static_cast<uint64_t>(scenario_.troubles_for.count()));
  schedule_tunnels();
  schedule(3 + random_.below(8), [this] { trouble(); });
  if (reloads_) schedule(1 + random_.below(kReloadsMax), [this] { reload(); });
  if (reloads_ && random_.chance(0.4)) schedule(1, [this] { stop(); });
  runtime_.run_for(scenario_.troubles_for);
  settle();
  Findings findings;
  check(findings);
  clients_.clear();
  tunnels_.clear();
  events_.clear();
  process_.reset();
  upstreams_.clear();
  runtime_.run_for(60s);
  shadow_.check_census(findings, 0);
  check_leaks(findings, runtime_);
  return findings.all();
}

}  // namespace tidegate::sim
