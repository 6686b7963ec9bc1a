#include "core/routing/job_events.h"

namespace tidegate::core {

// Only its own loop touches what `link_` points to: a post that comes after the end finds it empty.
class JobEvents::Listener final : public net::Operation {
 public:
  Listener(JobEvents& events, net::Runtime& home, std::function<void()> on_event)
      : events_(events), home_(home), link_(std::make_shared<std::function<void()>>(std::move(on_event))) {}

  ~Listener() override {
    const std::lock_guard lock(events_.mutex_);
    events_.listeners_.erase(position_);
    *link_ = nullptr;
  }

  void set_position(Listeners::iterator position) { position_ = position; }

  // Under the lock: the listener, and with it its loop, is alive.
  void post() {
    home_.post([link = link_] {
      if (const auto on_event = *link) on_event();
    });
  }

 private:
  JobEvents& events_;
  net::Runtime& home_;
  std::shared_ptr<std::function<void()>> link_;
  Listeners::iterator position_;
};

std::unique_ptr<net::Operation> JobEvents::listen(net::Runtime& home, const std::string& id,
                                                  std::function<void()> on_event) {
  const std::lock_guard lock(mutex_);
  if (listeners_.size() >= kListenersMax) return nullptr;
  auto listener = std::make_unique<Listener>(*this, home, std::move(on_event));
  listener->set_position(listeners_.emplace(id, listener.get()));
  return listener;
}

void JobEvents::notify(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto [first, last] = listeners_.equal_range(id);
  for (auto at = first; at != last; ++at) at->second->post();
}

void JobEvents::notify_all() {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, listener] : listeners_) listener->post();
}

}  // namespace tidegate::core
