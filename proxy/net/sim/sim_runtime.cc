#include "net/sim/sim_runtime.h"

#include <algorithm>

#include "net/sim/sim_world.h"

namespace tidegate::net {

namespace {

// 2026-01-01T00:00:00Z: where simulated wall clocks begin.
constexpr WallTime kWallStart{std::chrono::seconds(1767225600)};

bool later(const SimRuntime::World::Event& a, const SimRuntime::World::Event& b) {
  return a.at != b.at ? a.at > b.at : a.sequence > b.sequence;
}

}  // namespace

SimRuntime::World::World(SimRuntime& owner, uint64_t seed)
    : runtime(owner), network(seed), program(seed ^ 0x9e3779b97f4a7c15) {}

SimRuntime::World::~World() = default;

void SimRuntime::World::schedule(Time at, SimEvent kind, uint64_t subject, std::function<void()> run) {
  events.push_back(Event{std::max(at, now), next_sequence++, kind, subject, std::move(run)});
  std::push_heap(events.begin(), events.end(), later);
}

void SimRuntime::World::note(SimEvent kind, uint64_t subject, uint64_t amount) {
  for (const uint64_t word :
       {static_cast<uint64_t>(kind), static_cast<uint64_t>(now.time_since_epoch().count()), subject, amount}) {
    for (int shift = 0; shift < 64; shift += 8) hash = (hash ^ ((word >> shift) & 0xff)) * 0x100000001b3;
  }
}

bool SimRuntime::World::next_is_due(Time until) const {
  if (!events.empty() && events.front().at <= until) return true;
  const auto deadline = runtime.timer_queue_.next_deadline();
  return deadline && *deadline <= until;
}

bool SimRuntime::World::run_one() {
  const auto deadline = runtime.timer_queue_.next_deadline();
  if (events.empty() && !deadline) return false;
  if (!events.empty() && (!deadline || events.front().at <= *deadline)) {
    std::pop_heap(events.begin(), events.end(), later);
    Event event = std::move(events.back());
    events.pop_back();
    now = std::max(now, event.at);
    note(event.kind, event.subject, 0);
    event.run();
  } else {
    now = std::max(now, *deadline);
    note(SimEvent::timers, runtime.timer_queue_.size(), 0);
    runtime.timer_queue_.fire_due(now);
  }
  empty_graveyard();
  return true;
}

void SimRuntime::World::empty_graveyard() {
  while (!disposed.empty()) {
    const auto dying = std::exchange(disposed, {});
  }
}

void SimRuntime::delete_disposed() { world_->empty_graveyard(); }

SimRuntime::SimRuntime(uint64_t seed) : world_(std::make_unique<World>(*this, seed)) {}

SimRuntime::~SimRuntime() {
  world_->empty_graveyard();
  while (!world_->events.empty()) {  // destroying a task may schedule another
    const auto dropped = std::exchange(world_->events, {});
  }
  world_->empty_graveyard();
}

bool SimRuntime::run_one() { return world_->run_one(); }

void SimRuntime::run_until(Time until) {
  while (world_->next_is_due(until)) world_->run_one();
  world_->now = std::max(world_->now, until);
}

uint64_t SimRuntime::trace_hash() const { return world_->hash; }
size_t SimRuntime::open_streams() const { return world_->open_streams; }
size_t SimRuntime::open_operations() const { return world_->open_operations; }
size_t SimRuntime::active_timers() const { return timer_queue_.size(); }

Time SimRuntime::now() const { return world_->now; }
WallTime SimRuntime::wall_now() const { return kWallStart + world_->now.time_since_epoch(); }

void SimRuntime::post(std::function<void()> task) {
  world_->schedule(world_->now, SimEvent::posted, 0, std::move(task));
}

void SimRuntime::dispose(std::unique_ptr<Disposable> object) { world_->disposed.push_back(std::move(object)); }

IdBytes SimRuntime::random_id() {
  IdBytes id;
  for (uint8_t& byte : id) byte = static_cast<uint8_t>(world_->program.next() >> 56);
  return id;
}

Random& SimRuntime::random() { return world_->program; }

}  // namespace tidegate::net
