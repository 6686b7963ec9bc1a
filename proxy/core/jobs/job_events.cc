#include "core/jobs/job_events.h"

namespace tidegate::core {

// Only its own loop touches what `link_` points to: a post that comes after the end finds it empty.
class JobEvents::Listener final : public net::Operation {
 public:
  Listener(JobEvents& news, net::Runtime& home, std::function<void()> heard)
      : news_(news), home_(home), link_(std::make_shared<std::function<void()>>(std::move(heard))) {}

  ~Listener() override {
    const std::lock_guard lock(news_.mutex_);
    news_.listeners_.erase(place_);
    *link_ = nullptr;
  }

  void stands_at(Listeners::iterator place) { place_ = place; }

  // Under the lock: the listener, and with it its loop, is alive.
  void post() {
    home_.post([link = link_] {
      if (const auto heard = *link) heard();
    });
  }

 private:
  JobEvents& news_;
  net::Runtime& home_;
  std::shared_ptr<std::function<void()>> link_;
  Listeners::iterator place_;
};

std::unique_ptr<net::Operation> JobEvents::listen(net::Runtime& home, const std::string& id,
                                                  std::function<void()> heard) {
  const std::lock_guard lock(mutex_);
  if (listeners_.size() >= kListenersMax) return nullptr;
  auto listener = std::make_unique<Listener>(*this, home, std::move(heard));
  listener->stands_at(listeners_.emplace(id, listener.get()));
  return listener;
}

void JobEvents::tell(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto [first, last] = listeners_.equal_range(id);
  for (auto at = first; at != last; ++at) at->second->post();
}

void JobEvents::notify_all() {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, listener] : listeners_) listener->post();
}

}  // namespace tidegate::core
