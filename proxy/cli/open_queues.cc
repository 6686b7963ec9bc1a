#include "cli/open_queues.h"

#include "jobs/sqlite_queue.h"

namespace tidegate::cli {

namespace {

class QueueOpener {
 public:
  QueueOpener(const config::Queue& queue, metrics::Metrics& metrics) : counted_(metrics.queue(queue.name)) {
    limits_.max_jobs = queue.max_jobs;
    limits_.max_bytes = queue.max_bytes;
    limits_.results_ttl = queue.results_ttl;
  }

  using Opened = Result<std::unique_ptr<jobs::JobQueue>>;

  Opened operator()(const config::SqliteUrl& url) const {
    auto opened = open_sqlite(url.path);
    if (!opened) return opened.error();
    return Opened(std::move(*opened));
  }
  Opened operator()(const redis::Address& address) const {
    return Error{ErrorCode::invalid, address.shown() + ": no such store is built in"};
  }
  Opened operator()(const config::AmqpUrl& url) const {
    return Error{ErrorCode::invalid, url.shown() + ": no such store is built in"};
  }

 private:
  Result<std::unique_ptr<jobs::SqliteSpool>> open_sqlite(const std::string& path) const {
    jobs::SqliteOptions options;
    options.path = path;
    options.limits = limits_;
    options.on_commit = on_commit();
    return jobs::open_sqlite_queue(options);
  }

  std::function<void(Duration)> on_commit() const {
    return [&counted = counted_](Duration took) { counted.commit(took); };
  }

  metrics::QueueMetrics& counted_;
  jobs::QueueLimits limits_;
};

}  // namespace

Result<core::Gateway::Queues> open_queues(const config::Config& config, metrics::Metrics& metrics, net::Runtime&) {
  core::Gateway::Queues queues;
  for (const auto& [name, queue] : config.queues) {
    auto opened = std::visit(QueueOpener(queue, metrics), queue.url);
    if (!opened) return Error{opened.error().code, "queue " + name + ": " + opened.error().message};
    queues[name] = std::move(*opened);
  }
  return queues;
}

}  // namespace tidegate::cli
