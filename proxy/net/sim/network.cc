// Listening, connecting and names in the simulated network.
#include <algorithm>

#include "base/assert.h"
#include "net/sim/sim_world.h"

namespace tidegate::net {

class SimListener final : public Listener {
 public:
  SimListener(SimRuntime::World& world, const SocketAddress& address, AcceptCallback accept)
      : world_(world), address_(address), accept_(std::move(accept)) {
    world_.listeners.push_back(this);
  }
  ~SimListener() override { std::erase(world_.listeners, this); }

  SocketAddress address() const override { return address_; }
  void accept_backlog() override {}                  // nothing waits: connections are accepted as they arrive
  bool stop_handshakes() override { return false; }  // nor is one completed between that and the end
  void accept(std::unique_ptr<Stream> stream) {
    const auto callback = accept_;  // the call may destroy the listener
    callback(std::move(stream));
  }

 private:
  SimRuntime::World& world_;
  SocketAddress address_;
  AcceptCallback accept_;
};

namespace {

// A connect or resolve under way. Events hold its state weakly: an expired one is cancelled.
class SimOperation : public Operation {
 public:
  explicit SimOperation(SimRuntime::World& world) : world_(world) { ++world_.open_operations; }
  ~SimOperation() override { end(); }
  void end() {
    if (std::exchange(open_, false)) --world_.open_operations;
  }
  // The owner's callback; emptied when it has run or the owner is destroyed.
  ConnectCallback on_connect;
  ResolveCallback on_resolve;

 private:
  SimRuntime::World& world_;
  bool open_ = true;
};

// The owner's handle: letting go of it silences the shared state.
class OperationHandle final : public Operation {
 public:
  explicit OperationHandle(std::shared_ptr<SimOperation> state) : state_(std::move(state)) {}
  ~OperationHandle() override {
    state_->end();
    state_->on_connect = nullptr;
    state_->on_resolve = nullptr;
  }

 private:
  std::shared_ptr<SimOperation> state_;
};

using OperationState = std::shared_ptr<SimOperation>;

void finish_connect(const OperationState& state, Result<std::unique_ptr<Stream>> result) {
  state->end();
  const auto done = std::exchange(state->on_connect, nullptr);
  if (done) done(std::move(result));
}

void fail_connect(SimRuntime::World& world, const OperationState& state, Error why, Duration after) {
  world.schedule(world.now + after, SimEvent::refused, 0,
                 [state, why = std::move(why)] { finish_connect(state, why); });
}

void refuse(SimRuntime::World& world, const OperationState& state, const SocketAddress& to, Duration after) {
  fail_connect(world, state, {ErrorCode::refused, "connect " + to.to_string() + ": connection refused"}, after);
}

SimListener* pick_listener(SimRuntime::World& world, const SocketAddress& address) {
  std::vector<SimListener*> found;
  for (SimListener* listener : world.listeners) {
    if (listener->address() == address) found.push_back(listener);
  }
  if (found.empty()) return nullptr;
  return found.size() == 1 ? found[0] : found[world.network.below(found.size())];
}

SocketAddress next_client_address(SimRuntime::World& world) {
  SocketAddress client{*IpAddress::parse("127.0.0.1"), world.next_port};
  world.next_port = world.next_port == 65535 ? 20000 : static_cast<uint16_t>(world.next_port + 1);
  return client;
}

// The SYN has reached the server's side.
void syn_arrives(SimRuntime::World& world, const OperationState& state, const SocketAddress& to) {
  SimListener* listener = pick_listener(world, to);
  const Duration back = world.latency(world.link(to));
  if (!listener || world.link(to).down) return refuse(world, state, to, back);
  const auto connection = make_sim_connection(world, next_client_address(world), to);
  world.schedule(world.now + back, SimEvent::connected, 0, [state, connection] {
    if (!state->on_connect) return abandon_sim_side(connection, 0);
    finish_connect(state, make_sim_stream(connection, 0));
  });
  listener->accept(make_sim_stream(connection, 1));
}

}  // namespace

const SimLink& SimRuntime::World::link(const SocketAddress& address) const {
  for (const auto& [at, link] : links) {
    if (at == address) return link;
  }
  return default_link;
}

Result<std::vector<IpAddress>> SimRuntime::World::look_up(const std::string& host) const {
  if (const auto literal = IpAddress::parse(host)) return std::vector<IpAddress>{*literal};
  const auto known = names.find(host);
  if (known == names.end()) return Error{ErrorCode::not_found, "resolve " + host + ": no such name"};
  if (known->second.failure) return Error{*known->second.failure, "resolve " + host + ": the name server has failed"};
  if (known->second.addresses.empty()) return Error{ErrorCode::not_found, "resolve " + host + ": no address"};
  return known->second.addresses;
}

Duration SimRuntime::World::latency(const SimLink& link) {
  const auto spread = static_cast<uint64_t>(std::max<int64_t>(0, (link.latency_max - link.latency_min).count()));
  return link.latency_min + Duration(static_cast<int64_t>(network.below(spread + 1)));
}

void SimRuntime::set_link(const SocketAddress& address, const SimLink& link) {
  for (auto& [at, known] : world_->links) {
    if (at == address) {
      known = link;
      return;
    }
  }
  world_->links.emplace_back(address, link);
}

void SimRuntime::set_default_link(const SimLink& link) { world_->default_link = link; }

void SimRuntime::reset_connections(const SocketAddress& address) {
  for (const auto& [id, connection] : world_->connections) {
    if (sim_server_address(*connection) == address) reset_sim_connection(*connection);
  }
}

void SimRuntime::set_name(std::string name, SimName answer) {
  world_->names.insert_or_assign(std::move(name), std::move(answer));
}

size_t SimRuntime::lookups() const { return world_->lookups; }

std::unique_ptr<Operation> SimRuntime::connect(const SocketAddress& to, ConnectCallback done) {
  World& world = *world_;
  const auto state = std::make_shared<SimOperation>(world);
  state->on_connect = std::move(done);
  const SimLink& link = world.link(to);
  const Duration there = world.latency(link);
  if (link.used_up) {
    fail_connect(world, state, {*link.used_up, "connect " + to.to_string() + ": used up"}, Duration::zero());
  } else if (link.down || world.network.chance(link.refuse)) {
    refuse(world, state, to, there + world.latency(link));
  } else if (!world.network.chance(link.blackhole)) {
    world.schedule(world.now + there, SimEvent::accept, 0, [&world, state, to] { syn_arrives(world, state, to); });
  }
  return std::make_unique<OperationHandle>(state);
}

Result<std::unique_ptr<Listener>> SimRuntime::listen(const SocketAddress& at, AcceptCallback accept, AcceptFailure) {
  SocketAddress address = at;
  while (address.port == 0 || (at.port == 0 && pick_listener(*world_, address))) address.port = world_->next_port++;
  return std::unique_ptr<Listener>(std::make_unique<SimListener>(*world_, address, std::move(accept)));
}

std::unique_ptr<Operation> SimRuntime::resolve(std::string_view host, ResolveCallback done) {
  World& world = *world_;
  const auto state = std::make_shared<SimOperation>(world);
  state->on_resolve = std::move(done);
  const auto known = world.names.find(host);
  const Duration delay = known == world.names.end() ? Duration::zero() : known->second.delay;
  if (!IpAddress::parse(host)) ++world.lookups;
  world.schedule(world.now + world.latency(world.default_link) + delay, SimEvent::resolved, 0,
                 [&world, state, name = std::string(host)] {
                   state->end();
                   const auto told = std::exchange(state->on_resolve, nullptr);
                   if (told) told(world.look_up(name));
                 });
  return std::make_unique<OperationHandle>(state);
}

}  // namespace tidegate::net
