#include "cli/handover/inheritance.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "cli/handover/given_queues.h"
#include "net/local/blocking_wait.h"
#include "net/uv/port.h"

namespace tidegate::cli {

namespace {

constexpr Duration kLockMax = 5s;  // until the files of a process that was killed are free
constexpr Duration kPortMax = 2s;  // until a listener that the other process has just closed is
constexpr Duration kRetryInterval = 50ms;

// By a call of the process before.
struct QueueUse {
  QueueUse(std::shared_ptr<const void> by, core::QueueState& queue) : held(std::move(by)), permit(queue) {}
  const std::shared_ptr<const void> held;
  core::AppendPermit permit;
};

}  // namespace

size_t worker_count(const config::Config& config) {
  return static_cast<size_t>(config.workers > 0 ? config.workers : net::available_cpus());
}

std::vector<SocketAddress> addresses_of(const config::Config& config, const SocketAddress& admin) {
  std::vector<SocketAddress> addresses = {admin};
  for (const config::Listener& listener : config.listeners) addresses.push_back(listener.address);
  return addresses;
}

Status Inheritance::take_sockets() {
  auto assigned = assign_sockets(std::exchange(activated_, {}), config_);
  if (!assigned) return assigned.error();
  for (net::InheritedSocket& socket : *assigned) inherit(std::move(socket));
  if (Status status = take_over_sockets(); !status) return status;
  return check_ports();
}

Status Inheritance::take_over_sockets() {
  if (const Status place = check_takeover_place(); !place) return place;
  if (!takes_over_) return check_takeover_socket();
  if (config_.takeover_socket.empty()) {
    return Error{ErrorCode::invalid, "takeover: the configuration has no takeover.socket"};
  }
  auto takeover = Takeover::connect(config_.takeover_socket);
  if (!takeover) return takeover.error();
  takeover_ = std::move(*takeover);
  if (!takeover_) {
    log_info("takeover_not_needed", {{"socket", config_.takeover_socket}, {"reason", "no process listens on it"}});
    return Ok{};
  }
  auto sockets = takeover_->receive_sockets();
  if (!sockets) return sockets.error();
  for (net::InheritedSocket& socket : *sockets) {
    socket.origin = net::SocketOrigin::taken_over;
    inherit(std::move(socket));
  }
  return Ok{};
}

// Where nobody could take over from this process, it does not start.
Status Inheritance::check_takeover_place() const {
  if (config_.takeover_socket.empty()) return Ok{};
  const Status place = net::MessageSocket::check_place(config_.takeover_socket);
  if (place) return place;
  return Error{place.error().code,
               "takeover: cannot listen on " + config_.takeover_socket + ": " + place.error().message};
}

// It is not taken away from a process that listens there.
Status Inheritance::check_takeover_socket() const {
  if (config_.takeover_socket.empty() || !net::MessageSocket::connect(config_.takeover_socket)) return Ok{};
  return Error{ErrorCode::conflict, "takeover: another process listens on " + config_.takeover_socket +
                                        "; `run --takeover` takes over from it"};
}

// One that has no listener here is closed: the process before ends its own.
void Inheritance::inherit(net::InheritedSocket socket) {
  const std::vector<SocketAddress> ours = addresses();
  if (std::find(ours.begin(), ours.end(), socket.address) == ours.end()) return;
  const size_t loops = socket.address == config_.admin.address ? 1 : worker_count(config_);
  sockets_.inherit(std::move(socket), loops);
}

// The workers share their ports (SO_REUSEPORT), so a second Tidegate could share them too: check that nobody listens.
Status Inheritance::check_ports() const {
  for (const SocketAddress& address : addresses()) {
    if (sockets_.has_inherited(address)) continue;
    Status status = net::check_port_is_free(address);
    for (Duration waited{}; !status && takeover_ && waited < kPortMax; waited += kRetryInterval) {
      net::wait_blocking(kRetryInterval);
      status = net::check_port_is_free(address);
    }
    if (!status) return port_taken(status.error());
  }
  return Ok{};
}

// Who meant to take over from the process that listens there has not found it.
Error Inheritance::port_taken(const Error& error) const {
  if (!takes_over_ || takeover_) return error;
  return {error.code,
          error.message + ", but none on " + config_.takeover_socket +
              ": it was started without `takeover`, or with another socket: stop it first, or use its socket. Or it is "
              "stopping: start this one again when it has ended"};
}

// What only this process listens on, it does already: so it cannot fail later.
Status Inheritance::await_queues() {
  if (!takeover_) return Ok{};
  Prepared prepared;
  for (const auto& [name, queue] : config_.queues) prepared.queues.push_back({name, store_of(queue)});
  for (const SocketAddress& address : addresses()) {
    if (sockets_.has_inherited(address)) {
      prepared.addresses.push_back(address);
      continue;
    }
    auto opened = net::open_listening_socket(address);
    if (!opened) return opened.error();
    inherit({address, std::move(*opened)});
  }
  return takeover_->await_queues(prepared);
}

Inheritance::Stores Inheritance::open(const std::function<Stores()>& open_stores) const {
  auto stores = open_stores();
  for (Duration waited{}; !stores && takeover_ && takeover_->alone() && waited < kLockMax; waited += kRetryInterval) {
    if (stores.error().code != ErrorCode::conflict) break;
    net::wait_blocking(kRetryInterval);
    stores = open_stores();
  }
  if (!stores || !takeover_ || takeover_->alone()) return stores;
  for (const auto& [name, store] : *stores) {
    const jobs::QueueView view = store->view();
    if (!view.available) return Error{ErrorCode::unavailable, "queue " + name + ": " + view.why_unavailable};
  }
  return stores;
}

Status Inheritance::await_commit() { return takeover_ ? takeover_->await_commit() : Ok{}; }

void Inheritance::fail(const std::string& reason) {
  if (takeover_) takeover_->fail(reason);
}

void Inheritance::serve(net::UvRuntime& runtime, core::Gateway& gateway) {
  if (!takeover_) return;
  takeover_->serve(runtime, [&gateway](const std::string& name) -> jobs::QueueService::Served {
    auto& queues = gateway.policies().queues();
    const auto found = queues.find(name);
    if (found == queues.end()) return {};
    const auto use = std::make_shared<QueueUse>(gateway.policies().hold(name), found->second);
    if (!use->permit) return {};
    return {found->second.queue.get(), use};
  });
}

}  // namespace tidegate::cli
