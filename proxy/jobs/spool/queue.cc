#include "jobs/spool/queue.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "jobs/spool/append.h"
#include "jobs/spool/cancel.h"
#include "jobs/spool/cancellations.h"
#include "jobs/spool/forwarder.h"
#include "jobs/spool/query.h"

namespace tidegate::jobs {

namespace {

class SpooledQueue final : public JobQueue {
 public:
  SpooledQueue(net::Runtime& runtime, SpooledOptions options)
      : runtime_(runtime),
        server_(std::move(options.server)),
        spool_(std::move(options.spool)),
        cancellations_(runtime, *server_),
        forwarder_(runtime, options.name, *server_, *spool_, cancellations_) {}

  OperationPtr append(net::Runtime& home, JobDraft draft, Callback<Appended> done) override {
    // A spool that takes nothing cannot keep the order either.
    const bool spool_first = spool_->view().available && (forwarder_.suspects_server() || spool_holds_work());
    const bool direct = !spool_first && server_->view().available;
    return SpooledAppend::begin(home, parts(), std::move(draft), direct, std::move(done));
  }

  OperationPtr claim(net::Runtime& home, Duration lease, Callback<std::optional<ClaimedJob>> done) override {
    return server_->claim(home, lease, std::move(done));
  }
  OperationPtr renew(net::Runtime& home, const ClaimedJob& job, Duration lease, Callback<Ok> done) override {
    return server_->renew(home, job, lease, std::move(done));
  }
  std::shared_ptr<net::BodyReader> open_body(net::Runtime& home, const ClaimedJob& job) override {
    return server_->open_body(home, job);
  }
  OperationPtr succeed(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt, StoredResponse response,
                       Callback<Ok> done) override {
    return server_->succeed(home, job, std::move(attempt), std::move(response), std::move(done));
  }
  OperationPtr retry(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt, WallTime not_before,
                     Callback<Ok> done) override {
    return server_->retry(home, job, std::move(attempt), not_before, std::move(done));
  }
  OperationPtr defer(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt, WallTime not_before,
                     Callback<Ok> done) override {
    return server_->defer(home, job, std::move(attempt), not_before, std::move(done));
  }
  OperationPtr dead_letter(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt,
                           Callback<Ok> done) override {
    return server_->dead_letter(home, job, std::move(attempt), std::move(done));
  }
  OperationPtr release(net::Runtime& home, const ClaimedJob& job, WallTime not_before, Callback<Ok> done) override {
    return server_->release(home, job, not_before, std::move(done));
  }

  OperationPtr find(net::Runtime& home, const std::string& id, Callback<JobRecord> done) override {
    if (!spool_holds_anything()) return server_->find(home, id, std::move(done));
    return ask_in_turn<JobRecord>(
        [this, &home, id](Callback<JobRecord> next) { return spool_->find(home, id, as_queued(std::move(next))); },
        [this, &home, id](Callback<JobRecord> next) { return server_->find(home, id, std::move(next)); },
        std::move(done));
  }

  OperationPtr result(net::Runtime& home, const std::string& id, Callback<ResultReader> done) override {
    if (!spool_holds_anything()) return server_->result(home, id, std::move(done));
    return ask_in_turn<ResultReader>(
        [this, &home, id](Callback<ResultReader> next) { return spool_->result(home, id, std::move(next)); },
        [this, &home, id](Callback<ResultReader> next) { return server_->result(home, id, std::move(next)); },
        std::move(done));
  }

  // A job that is being forwarded at this moment is waited for.
  OperationPtr cancel(net::Runtime& home, const std::string& id, Callback<Ok> done) override {
    if (!spool_holds_anything()) return server_->cancel(home, id, std::move(done));
    return SpooledCancel::begin(home, parts(), id, std::move(done));
  }

  OperationPtr replay(net::Runtime& home, const std::string& id, bool force, Callback<Ok> done) override {
    return ask_in_turn<Ok>(
        [this, &home, id, force](Callback<Ok> next) { return spool_->replay(home, id, force, std::move(next)); },
        [this, &home, id, force](Callback<Ok> next) { return server_->replay(home, id, force, std::move(next)); },
        std::move(done));
  }
  OperationPtr purge(net::Runtime& home, const std::string& id, Callback<Ok> done) override {
    return ask_in_turn<Ok>([this, &home, id](Callback<Ok> next) { return spool_->purge(home, id, std::move(next)); },
                           [this, &home, id](Callback<Ok> next) { return server_->purge(home, id, std::move(next)); },
                           std::move(done));
  }

  // The spool's pages, then the server's: a page's `next` begins with whose it is.
  OperationPtr list(net::Runtime& home, JobFilter filter, Callback<JobPage> done) override {
    const bool at_server = filter.after.starts_with(kServerPage);
    if (!filter.after.empty()) filter.after.erase(0, 1);
    if (at_server || !spool_->view().available || !spool_holds_anything()) {
      return server_->list(home, std::move(filter), [done = std::move(done)](Result<JobPage> page) {
        if (page && !page->next.empty()) page->next.insert(0, 1, kServerPage);
        done(std::move(page));
      });
    }
    return spool_->list(home, std::move(filter), [done = std::move(done)](Result<JobPage> page) {
      if (page) page->next = page->next.empty() ? std::string(1, kServerPage) : kSpoolPage + page->next;
      done(std::move(page));
    });
  }

  void tidy(net::Runtime& home) override {
    server_->tidy(home);
    spool_->tidy(home);
  }

  void set_limits(const QueueLimits& limits) override {
    server_->set_limits(limits);
    spool_->set_limits(limits);
  }

  // Local, as the breakers are.
  NoteStore* note_store() override { return spool_->note_store(); }

  std::vector<TlsContextPtr> tls() const override { return server_->tls(); }

  QueueView view() const override;

  void on_work(net::Runtime& home, std::function<void()> changed) override {
    server_->on_work(home, std::move(changed));
  }

  // The forwarder ends last, on its own loop; what it has not moved yet it finds with the next run.
  void close(net::Runtime& home, std::function<void()> done) override {
    const auto left = std::make_shared<int>(2);
    const auto one_closed = [this, &home, left, done = std::move(done)] {
      if (--*left > 0) return;
      runtime_.post([this, &home, done] {
        forwarder_.stop();
        home.post(done);
      });
    };
    server_->close(home, one_closed);
    spool_->close(home, one_closed);
  }

 private:
  static constexpr char kSpoolPage = 's';
  static constexpr char kServerPage = 'q';

  SpoolParts parts() { return {*server_, *spool_, forwarder_, cancellations_}; }
  bool spool_holds_work() const { return spool_open_jobs(spool_->view()) > 0; }
  // What a spool that cannot be read holds is not known.
  bool spool_holds_anything() const {
    const QueueView view = spool_->view();
    return !view.available || std::accumulate(view.depth.begin(), view.depth.end(), uint64_t{0}) > 0;
  }

  net::Runtime& runtime_;
  const std::unique_ptr<JobQueue> server_;
  const std::unique_ptr<SqliteSpool> spool_;
  ServerCancellations cancellations_;
  SpoolForwarder forwarder_;
};

// What is spooled waits; only the server says what is due, as jobs are run from there.
QueueView SpooledQueue::view() const {
  QueueView view = server_->view();
  const QueueView spool = spool_->view();
  view.spooled = spool_open_jobs(spool);
  for (size_t i = 0; i < view.depth.size(); ++i) {
    const auto status = static_cast<JobStatus>(i);
    if (is_final(status)) view.depth[i] += spool.depth[i];
  }
  view.depth[static_cast<size_t>(JobStatus::queued)] += view.spooled;
  view.bytes += spool.bytes;
  if (spool.oldest_created_at) {
    view.oldest_created_at =
        std::min(view.oldest_created_at.value_or(*spool.oldest_created_at), *spool.oldest_created_at);
  }
  view.expired_total += spool.expired_total;
  view.damaged_total += spool.damaged_total;
  view.missing.add(spool.missing);
  view.server_unavailable = view.available ? "" : view.why_unavailable;
  view.spool_unavailable = spool.available ? "" : spool.why_unavailable;
  if (!view.available && spool.available) {
    view.available = true;
    view.next_due_at.reset();  // nothing can be claimed now
    view.why_unavailable.clear();
    view.full = spool.full;
  }
  return view;
}

}  // namespace

std::unique_ptr<JobQueue> make_spooled_queue(net::Runtime& runtime, SpooledOptions options) {
  return std::make_unique<SpooledQueue>(runtime, std::move(options));
}

}  // namespace tidegate::jobs
