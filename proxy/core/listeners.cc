#include "core/listeners.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace tidegate::core {

Listeners::Listeners(Worker& worker) : worker_(worker), link_(std::make_shared<Listeners*>(this)) {
  for (const ListenerRoutes& listener : worker.table()->listeners()) {
    listeners_.push_back(std::make_unique<ListenerService>(worker, listener));
  }
}

Listeners::~Listeners() { *link_ = nullptr; }

Status Listeners::listen() {
  for (auto& listener : listeners_) {
    if (Status status = listener->listen(); !status) return status;
  }
  return Ok{};
}

Status Listeners::prepare(const std::shared_ptr<const RouteTable>& table) {
  worker_.prepare(table);
  for (const ListenerRoutes& listener : table->listeners()) {
    const bool is_open = std::any_of(listeners_.begin(), listeners_.end(),
                                     [&](const auto& service) { return service->is_of(listener); });
    if (is_open) continue;
    prepared_.push_back(std::make_unique<ListenerService>(worker_, listener));
    if (Status status = prepared_.back()->listen_without_serving(); !status) {
      roll_back();
      return status;
    }
  }
  return Ok{};
}

void Listeners::roll_back() {
  prepared_.clear();
  worker_.drop_prepared();
}

void Listeners::commit() {
  const std::shared_ptr<const RouteTable> before = worker_.table();
  worker_.use_prepared();
  List next;
  for (const ListenerRoutes& listener : worker_.table()->listeners()) {
    next.push_back(take(listener));
    next.back()->use(listener);
  }
  std::swap(listeners_, next);
  for (auto& service : next) {
    if (service) leave(std::move(service), before);
  }
  prepared_.clear();
}

// One of the two steps has opened it.
std::unique_ptr<ListenerService> Listeners::take(const ListenerRoutes& listener) {
  std::unique_ptr<ListenerService> taken;
  for (List* services : {&listeners_, &prepared_}) {
    for (auto& service : *services) {
      if (service && service->is_of(listener)) taken = std::move(service);
    }
  }
  TG_ASSERT(taken);
  return taken;
}

// Its clients may take as long as their requests do.
void Listeners::leave(std::unique_ptr<ListenerService> service, const std::shared_ptr<const RouteTable>& table) {
  service->keep_table(table);
  const ListenerService* const left = service.get();
  leaving_.push_back(std::move(service));
  leaving_.back()->drain(
      [this, left] {
        worker_.runtime().post([link = link_, left] {
          if (*link) (*link)->on_left(left);
        });
      },
      idle_max());
}

void Listeners::on_left(const ListenerService* service) {
  if (std::erase_if(leaving_, [&](const auto& leaving) { return leaving.get() == service; }) == 0) return;
  if (stopping_) on_one_drained();
}

size_t Listeners::connections() const {
  size_t sum = 0;
  for (const List* services : {&listeners_, &leaving_}) {
    for (const auto& listener : *services) sum += listener->connections();
  }
  return sum;
}

// What the end of the listeners waits for; a reload changes nothing any more.
void Listeners::begin_stop() {
  if (std::exchange(stopping_, true)) return;
  draining_left_ = listeners_.size() + leaving_.size();
}

void Listeners::begin_lame_duck() {
  begin_stop();
  for (auto& listener : listeners_) {
    listener->begin_lame_duck([this, &lame = *listener] { drain_one(lame); });
  }
}

// A client that has nothing to send must not use up the time of those that have.
Duration Listeners::idle_max() const {
  return std::min(http::Server::kDrainIdleMax, worker_.table()->config().shutdown_grace / 4);
}

void Listeners::drain(std::function<void()> done) {
  drained_ = std::move(done);
  begin_stop();
  for (auto& listener : listeners_) {
    if (!listener->drains()) drain_one(*listener);
  }
  if (draining_left_ > 0) return;
  worker_.runtime().post([link = link_] {  // all of them were over before
    if (*link) (*link)->end_drain();
  });
}

void Listeners::drain_one(ListenerService& listener) {
  listener.drain([this] { on_one_drained(); }, idle_max());
}

void Listeners::on_one_drained() {
  if (--draining_left_ == 0 && drained_) end_drain();
}

void Listeners::cut_off() {
  if (draining_left_ == 0) return;
  draining_left_ = 0;
  listeners_.clear();
  leaving_.clear();
  end_drain();
}

void Listeners::end_drain() {
  worker_.close_idle();
  drained_();
}

}  // namespace tidegate::core
