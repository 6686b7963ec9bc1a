#include "cli/open_queues.h"

#include "config/url_tls.h"
#include "core/routing/queue_limits.h"
#include "jobs/handover/handover_queue.h"
#include "jobs/rabbit/queue.h"
#include "jobs/redis/queue.h"
#include "jobs/spool/queue.h"
#include "jobs/sqlite/queue.h"

namespace tidegate::cli {

namespace {

void count_in(metrics::QueueMetrics& counted, jobs::SqliteOptions& options) {
  options.on_commit = [&counted](Duration took) { counted.commit(took); };
  options.on_checkpoint_blocked = [&counted] { counted.checkpoint_blocked(); };
}

template <typename Url>
net::TlsServer tls_server(const Url& url) {
  const auto* tls = config::tls_of(url);
  return tls ? net::make_tls_server(*tls, net::TlsContext::Alpn::none) : net::TlsServer();
}

}  // namespace

class QueueOpener {
 public:
  QueueOpener(const config::Queue& queue, metrics::Metrics& metrics)
      : queue_(queue),
        counted_(metrics.queue(queue.name)),
        tls_(tls_server(queue.url)),
        results_tls_(tls_server(queue.results_url)),
        limits_(core::queue_limits(queue)) {}

  using Opened = Result<OpenStores>;

  Opened open() const {
    auto opened = std::visit(*this, queue_.url);
    if (!opened) return Error{opened.error().code, "queue " + queue_.name + ": " + opened.error().message};
    return opened;
  }

  Opened operator()(const config::SqliteUrl& url) const {
    auto opened = open_sqlite(url.path);
    if (!opened) return opened.error();
    return OpenStores{std::move(*opened), nullptr};
  }
  Opened operator()(const redis::Address& address) const { return spooled(open_redis(address, tls_)); }
  Opened operator()(const config::AmqpUrl& url) const {
    auto records = open_records();
    if (!records) return records.error();
    jobs::RabbitQueueOptions options;
    options.url = url;
    options.tls = tls_;
    options.name = queue_.name;
    options.limits = limits_;
    options.records = std::move(*records);
    options.on_commit = on_commit();
    return spooled(jobs::open_rabbit_queue(std::move(options)));
  }

 private:
  Result<std::unique_ptr<jobs::SqliteSpool>> open_sqlite(const std::string& path) const {
    jobs::SqliteOptions options;
    options.path = path;
    options.limits = limits_;
    count_in(counted_, options);
    return jobs::open_sqlite_queue(options);
  }

  std::unique_ptr<jobs::RecordStore> open_redis(const redis::Address& address, const net::TlsServer& tls) const {
    jobs::RedisQueueOptions options;
    options.address = address;
    options.tls = tls;
    options.name = queue_.name;
    options.limits = limits_;
    options.strict = queue_.strict_durability;
    options.undo_failed_appends = false;  // the spool appends again
    options.on_commit = on_commit();
    return jobs::open_redis_queue(options);
  }

  // The store of the records of a queue on RabbitMQ; the configuration requires one.
  Result<std::unique_ptr<jobs::RecordStore>> open_records() const {
    if (const auto* address = std::get_if<redis::Address>(&*queue_.results_url)) {
      return open_redis(*address, results_tls_);
    }
    auto opened = open_sqlite(std::get<config::SqliteUrl>(*queue_.results_url).path);
    if (!opened) return Error{opened.error().code, "results: " + opened.error().message};
    return std::unique_ptr<jobs::RecordStore>(std::move(*opened));
  }

  // With the local spool of a queue on a server.
  Opened spooled(std::unique_ptr<jobs::JobQueue> server) const {
    auto spool = open_sqlite(queue_.spool_path);
    if (!spool) return Error{spool.error().code, "spool: " + spool.error().message};
    return OpenStores{std::move(server), std::move(*spool)};
  }

  std::function<void(Duration)> on_commit() const {
    return [&counted = counted_](Duration took) { counted.commit(took); };
  }

  const config::Queue queue_;
  metrics::QueueMetrics& counted_;
  const net::TlsServer tls_, results_tls_;  // of all stores that it opens: who watches their files knows one
  const jobs::QueueLimits limits_;
};

namespace {

std::shared_ptr<jobs::JobQueue> start_queue(const std::string& name, OpenStores opened, net::Runtime& runtime) {
  if (!opened.spool) return std::move(opened.store);
  return jobs::make_spooled_queue(runtime, {name, std::move(opened.store), std::move(opened.spool)});
}

Result<std::shared_ptr<jobs::JobQueue>> open_callback_store(const config::Queue& queue, metrics::Metrics& metrics) {
  const auto* sqlite = std::get_if<config::SqliteUrl>(&queue.url);
  jobs::SqliteOptions options;
  options.path = (sqlite ? sqlite->path : queue.spool_path) + ".callbacks.db";
  options.limits = core::callback_limits(queue);
  count_in(metrics.queue(core::callbacks_name(queue.name)), options);
  auto opened = jobs::open_sqlite_queue(options);
  if (!opened) return Error{opened.error().code, "callbacks of queue " + queue.name + ": " + opened.error().message};
  return std::shared_ptr<jobs::JobQueue>(std::move(*opened));
}

}  // namespace

Names queues_with_callbacks(const config::Config& config) {
  Names names;
  for (const config::Listener& listener : config.listeners) {
    for (const config::Route& route : listener.routes) {
      if (!route.fallback) continue;
      const auto* enqueue = std::get_if<config::FallbackEnqueue>(&route.fallback->action);
      if (enqueue && enqueue->callback) names.insert(enqueue->queue);
    }
  }
  return names;
}

Result<core::Policies::QueueStores> open_callback_stores(const config::Config& config, const Names& queues,
                                                         metrics::Metrics& metrics, bool handover) {
  core::Policies::QueueStores stores;
  for (const std::string& name : queues) {
    const auto open = [queue = config.queues.at(name), &metrics] { return open_callback_store(queue, metrics); };
    auto opened = open();
    if (!opened) return opened.error();
    if (handover) *opened = std::make_shared<jobs::HandoverQueue>(core::callbacks_name(name), *opened, open);
    stores[name] = std::move(*opened);
  }
  return stores;
}

Result<std::map<std::string, OpenStores>> open_stores(const config::Config& config, const Names& queues,
                                                      metrics::Metrics& metrics) {
  std::map<std::string, OpenStores> stores;
  for (const std::string& name : queues) {
    const auto opener = std::make_shared<const QueueOpener>(config.queues.at(name), metrics);
    auto opened = opener->open();
    if (!opened) return opened.error();
    opened->opener = opener;
    stores[name] = std::move(*opened);
  }
  return stores;
}

core::Policies::QueueStores start_queues(std::map<std::string, OpenStores> stores, net::Runtime& runtime,
                                         bool handover) {
  core::Policies::QueueStores queues;
  for (auto& [name, opened] : stores) {
    const auto open_again = [name = name, opener = opened.opener,
                             &runtime]() -> Result<std::shared_ptr<jobs::JobQueue>> {
      auto again = opener->open();
      if (!again) return again.error();
      return start_queue(name, std::move(*again), runtime);
    };
    auto queue = start_queue(name, std::move(opened), runtime);
    if (handover) queue = std::make_shared<jobs::HandoverQueue>(name, queue, open_again);
    queues[name] = std::move(queue);
  }
  return queues;
}

Result<core::Policies::QueueStores> open_queues(const config::Config& config, metrics::Metrics& metrics,
                                                net::Runtime& runtime, bool handover) {
  Names all;
  for (const auto& [name, queue] : config.queues) all.insert(name);
  auto stores = open_stores(config, all, metrics);
  if (!stores) return stores.error();
  return start_queues(std::move(*stores), runtime, handover);
}

}  // namespace tidegate::cli
