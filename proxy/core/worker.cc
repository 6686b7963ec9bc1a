#include "core/worker.h"

#include <utility>

#include "base/assert.h"

namespace tidegate::core {

struct Worker::OwnedPool {
  OwnedPool(net::Runtime& runtime, std::shared_ptr<Upstream> of) : upstream(std::move(of)), pool(runtime, *upstream) {}

  const std::shared_ptr<Upstream> upstream;
  Pool pool;
};

struct Worker::OwnedRateStore {
  OwnedRateStore(net::Runtime& runtime, std::shared_ptr<RateStoreHealth> of)
      : health(std::move(of)), store(runtime, *health) {}

  const std::shared_ptr<RateStoreHealth> health;
  RateStore store;
};

// A table with what this worker has for it. Its last holder may be a call of one of the pools: so the pools end with
// the event-loop iteration.
class Worker::TableInUse final : public net::Disposable {
 public:
  TableInUse(std::shared_ptr<const RouteTable> of, std::shared_ptr<Links> links)
      : table(std::move(of)), links_(std::move(links)) {
    links_->tables.insert(this);
  }
  ~TableInUse() override { links_->tables.erase(this); }

  // Requests that hold it go on, but what `next` has no use for keeps nothing for later.
  void retire(const TableInUse& next) {
    for (const auto& [upstream, owned] : pools) {
      if (!next.pools.contains(upstream)) owned->pool.retire();
    }
  }
  void serve() {
    for (const auto& [upstream, owned] : pools) owned->pool.serve();
  }
  void release() {
    pools.clear();
    rate_stores.clear();
  }

  const std::shared_ptr<const RouteTable> table;
  std::map<const Upstream*, std::shared_ptr<OwnedPool>> pools;
  std::map<const RateStoreHealth*, std::shared_ptr<OwnedRateStore>> rate_stores;

 private:
  const std::shared_ptr<Links> links_;
};

namespace {

// What a table in use has for `shared`, whichever table that is, else a new one.
template <typename Owned, typename Shared>
std::shared_ptr<Owned> find_or_own(std::map<const Shared*, std::weak_ptr<Owned>>& links, net::Runtime& runtime,
                                   const std::shared_ptr<Shared>& shared) {
  std::weak_ptr<Owned>& link = links[shared.get()];
  auto owned = link.lock();
  if (!owned) link = owned = std::make_shared<Owned>(runtime, shared);
  return owned;
}

}  // namespace

Worker::Worker(net::Runtime& runtime, Gateway& gateway)
    : runtime_(runtime), gateway_(gateway), links_(std::make_shared<Links>()) {
  prepare(gateway.table());
  use_prepared();
}

Worker::~Worker() {
  links_->ended = true;
  for (TableInUse* table : links_->tables) table->release();
}

Pool& Worker::pool(const Upstream& upstream) {
  const auto found = links_->pools.find(&upstream);
  const auto owned = found == links_->pools.end() ? nullptr : found->second.lock();
  TG_ASSERT(owned);
  return owned->pool;
}

RateStore& Worker::rate_store(const RateStoreHealth& store) {
  const auto found = links_->rate_stores.find(&store);
  const auto owned = found == links_->rate_stores.end() ? nullptr : found->second.lock();
  TG_ASSERT(owned);
  return owned->store;
}

void Worker::prepare(const std::shared_ptr<const RouteTable>& table) {
  const auto end = [&runtime = runtime_, links = links_](TableInUse* ended) {
    std::unique_ptr<TableInUse> owned(ended);
    if (!links->ended) runtime.dispose(std::move(owned));
  };
  std::erase_if(links_->pools, [](const auto& link) { return link.second.expired(); });
  std::erase_if(links_->rate_stores, [](const auto& link) { return link.second.expired(); });
  prepared_ = std::shared_ptr<TableInUse>(new TableInUse(table, links_), end);
  for (const auto& [name, upstream] : table->upstreams()) {
    prepared_->pools[upstream.get()] = find_or_own(links_->pools, runtime_, upstream);
  }
  for (const auto& health : table->rate_stores()) {
    prepared_->rate_stores[health.get()] = find_or_own(links_->rate_stores, runtime_, health);
  }
}

void Worker::use_prepared() {
  if (in_use_) in_use_->retire(*prepared_);
  prepared_->serve();
  in_use_ = std::move(prepared_);
  table_ = {in_use_, in_use_->table.get()};
}

void Worker::close_idle() {
  for (auto& [upstream, link] : links_->pools) {
    if (const auto owned = link.lock()) owned->pool.close_idle();
  }
}

}  // namespace tidegate::core
