#include "cli/process.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "base/log/output.h"
#include "cli/commands.h"
#include "cli/open_queues.h"
#include "net/local/service_notify.h"
#include "net/uv/descriptors.h"
#include "net/uv/file_watch.h"

namespace tidegate::cli {

namespace {

constexpr Duration kCutOffBound = 4s;           // for announcements and stores; what takes longer runs again
constexpr Duration kReloadBound = 1s;           // for a file that is being read or opened, which may hang
constexpr uint64_t kOwnDescriptors = 100;       // logs, files of stores, admin connections, pollers
constexpr uint64_t kDescriptorsPerWorker = 10;  // its loop, its listening sockets, its connections to rate-limit stores

// What the limits of the configuration add up to.
uint64_t descriptors_needed(const config::Config& config, size_t workers) {
  uint64_t needed = kOwnDescriptors + workers * kDescriptorsPerWorker;
  for (const config::Listener& listener : config.listeners)
    needed += static_cast<uint64_t>(listener.limits.connections);
  for (const auto& [name, upstream] : config.upstreams) {
    needed += static_cast<uint64_t>(upstream.max_connections);
    if (upstream.health_check) needed += upstream.endpoints.size();
  }
  return needed;
}

Duration longest_lame_duck(const config::Config& config) {
  Duration longest{};
  for (const config::Listener& listener : config.listeners) longest = std::max(longest, listener.lame_duck);
  return longest;
}

}  // namespace

Process::Process(ConfigFile file, config::LoadResult loaded, std::vector<ActivatedSocket> activated, bool takes_over)
    : file_(std::move(file)),
      config_(std::move(loaded.config)),
      effective_(std::move(loaded.effective)),
      inheritance_(*config_, sockets_, std::move(activated), takes_over),
      timer_(runtime_, [this] { on_time_over(); }) {
  runtime_.use_sockets(sockets_);
}

Process::~Process() { stop_workers(); }

int Process::run() {
  if (const Status status = start(); !status) {
    log_error("cannot_start", {{"reason", status.error().message}});
    inheritance_.fail(status.error().message);
    return kExitRuntime;
  }
  runtime_.run();
  gateway_.reset();  // announces the last transitions of breakers
  if (reloader_) log_warn("reload_abandoned", {{"file", file_.path}});
  log_info("stopped");
  if (!reloader_) return kExitOk;
  log_flush();
  std::_Exit(kExitOk);
}

Status Process::start() {
  // Without the watch a SIGHUP would end the process.
  signals_.push_back(runtime_.watch_signal(SIGHUP, [this] {
    if (reloader_) reloader_->reload("signal", nullptr);
  }));
  if (Status status = inheritance_.take_sockets(); !status) return status;
  const uint64_t descriptors = net::raise_descriptor_limit();
  const admin::Build build = build_info();
  metrics_ = metrics::Metrics::make(*config_, build.version, build.revision);
  if (Status status = inheritance_.await_queues(); !status) return status;
  const bool handover = !config_->takeover_socket.empty();
  auto queues = inheritance_.open([&] { return open_queues(*config_, *metrics_, runtime_, handover); });
  if (!queues) return queues.error();
  auto callbacks = inheritance_.open(
      [&] { return open_callback_stores(*config_, queues_with_callbacks(*config_), *metrics_, handover); });
  if (!callbacks) return callbacks.error();
  gateway_ = std::make_unique<core::Gateway>(runtime_, config_, *metrics_, std::move(*queues), runtime_.random().next(),
                                             std::move(*callbacks));
  if (Status status = inheritance_.await_commit(); !status) return status;
  if (Status status = start_workers(); !status) return status;
  reloader_ = std::make_unique<Reloader>(runtime_, *gateway_, sockets_, workers_, file_.path, std::move(effective_));
  admin_ = std::make_unique<admin::AdminService>(runtime_, *gateway_, build, reloader_.get());
  if (Status status = admin_->listen(); !status) return status;
  sockets_.end_start();
  if (Status status = allow_takeover(); !status) return status;
  inheritance_.serve(runtime_, *gateway_);
  for (const auto& [number, name] : {std::pair{SIGTERM, "SIGTERM"}, std::pair{SIGINT, "SIGINT"}}) {
    signals_.push_back(runtime_.watch_signal(number, [this, signal = name] { on_signal(signal); }));
  }
  state_ = State::serving;
  watch_config();
  metrics_->set_config_loaded(true, runtime_.wall_now());
  workers_.front()->start_replaying();
  if (const uint64_t needed = descriptors_needed(*config_, workers_.size()); descriptors < needed) {
    log_warn("descriptors_short", {{"limit", descriptors}, {"needed", needed}});
  }
  log_info("serving", {{"version", build.version},
                       {"config", config_->file},
                       {"workers", workers_.size()},
                       {"admin", admin_->address().to_string()}});
  log_listening("admin", config_->admin.address);
  for (const config::Listener& listener : config_->listeners) log_listening(listener.name, listener.address);
  net::notify_service_manager(inheritance_.took_over() ? fmt::format("MAINPID={}\nREADY=1", ::getpid()) : "READY=1");
  return Ok{};
}

// Where it really listens: an inherited socket may be bound to another address than the configured one.
void Process::log_listening(const std::string& listener, const SocketAddress& configured) const {
  for (const net::ListeningSockets::Place& place : sockets_.places(configured)) {
    log_info("listening",
             {{"listener", listener}, {"address", place.bound.to_string()}, {"from", to_string(place.origin)}});
  }
}

void Process::watch_config() {
  if (file_.path == config::kStandardInput) return;
  auto watch = net::watch_file(runtime_, file_.path, file_.state, [this] { reloader_->reload("file", nullptr); });
  if (watch) config_watch_ = std::move(*watch);
  else log_warn("config_not_watched", {{"file", file_.path}, {"reason", watch.error().message}});
}

Status Process::allow_takeover() {
  if (config_->takeover_socket.empty()) return Ok{};
  auto handover = Handover::listen(
      {runtime_, *gateway_, sockets_, *workers_.front(), config_->admin.address}, config_->takeover_socket,
      {[this] { return inheritance_.predecessor(); }, [this] { return reloader_->under_way(); },
       [this](bool under_way) {
         if (state_ == State::serving && !told_to_stop_) under_way ? reloader_->stop() : reloader_->resume();
       },
       [this](const std::vector<SocketAddress>& taken) { on_handed_over(taken); }});
  if (!handover) return handover.error();
  handover_ = std::move(*handover);
  admin_->show_takeover([this] {
    return handover_ ? admin::TakeoverView{handover_->step(), handover_->other()} : admin::TakeoverView{"handed_over"};
  });
  return Ok{};
}

// As with SIGTERM, but nobody finds that nobody listens.
void Process::on_handed_over(const std::vector<SocketAddress>& taken) {
  const auto is_taken = [&](const SocketAddress& address) {
    return std::find(taken.begin(), taken.end(), address) != taken.end();
  };
  const config::Config& config = gateway_->table()->config();
  for (const config::Listener& listener : config.listeners) {
    if (!is_taken(listener.address)) sockets_.end_sharing(listener.address);
  }
  if (is_taken(config_->admin.address)) admin_->stop_listening();
  config_watch_.reset();
  if (state_ >= State::draining) return;  // a signal came before the other process said that it serves
  stop_signal_ = "takeover";
  drain();
}

Status Process::start_workers() {
  for (size_t i = 0; i < worker_count(*config_); ++i) {
    workers_.push_back(std::make_unique<WorkerThread>(*gateway_, sockets_, static_cast<int>(i)));
  }
  Status all = Ok{};
  for (auto& worker : workers_) {
    if (Status status = worker->started(); !status && all) all = status;
  }
  return all;
}

void Process::on_signal(const char* name) {
  const bool told_before = std::exchange(told_to_stop_, true);
  if (told_before && (state_ >= State::draining || (handover_ && handover_->stopping()))) {
    log_warn("shutdown_forced", {{"signal", name}});
    log_flush();
    std::_Exit(kExitRuntime);
  }
  if (state_ >= State::draining) return;  // another process has taken over, and this one ends
  stop_signal_ = name;
  net::notify_service_manager("STOPPING=1");
  reloader_->stop();
  handover_ ? handover_->stop([this] { begin_stop(); }) : begin_stop();
}

void Process::begin_stop() {
  const Duration longest = longest_lame_duck(gateway_->table()->config());
  if (state_ == State::serving && longest > Duration::zero()) return begin_lame_duck(longest);
  drain();
}

void Process::begin_lame_duck(Duration longest) {
  state_ = State::lame_duck;
  log_info("lame_duck", {{"signal", stop_signal_}, {"lame_duck_s", to_seconds(longest)}});
  gateway_->set_lame_duck();
  for (auto& worker : workers_) worker->begin_lame_duck();
  timer_.start_after(longest);
}

void Process::drain() {
  state_ = State::draining;
  log_info("draining", {{"signal", stop_signal_}, {"grace_s", to_seconds(shutdown_grace())}});
  gateway_->set_draining();
  timer_.start_after(shutdown_grace());
  workers_left_ = workers_.size();
  for (auto& worker : workers_) {
    worker->drain(runtime_, [this] {
      if (--workers_left_ == 0) close_queues();
    });
  }
}

void Process::on_time_over() {
  switch (state_) {
    case State::lame_duck: return drain();
    case State::draining: return cut_off();
    case State::cut_off: return close_queues();
    case State::starting:
    case State::serving:
    case State::closing: break;
  }
}

// Jobs that run are deferred, for which their stores get a moment.
void Process::cut_off() {
  state_ = State::cut_off;
  log_warn("shutdown_grace_expired", {{"grace_s", to_seconds(shutdown_grace())}});
  for (auto& worker : workers_) worker->cut_off();
  timer_.start_after(kCutOffBound);
}

// The workers are done, or do not end: commit what the queues have accepted.
void Process::close_queues() {
  if (state_ == State::closing) return;  // the time was over in the same event-loop iteration as the last worker
  state_ = State::closing;
  timer_.stop();
  if (handover_) handover_->close();
  stop_workers();
  std::vector<jobs::JobQueue*> stores;
  for (auto& [name, queue] : gateway_->policies().queues()) {
    stores.push_back(queue.queue.get());
    if (queue.callbacks) stores.push_back(queue.callbacks.get());
  }
  queues_left_ = stores.size();
  if (queues_left_ == 0) return finish();
  for (jobs::JobQueue* store : stores) {
    store->close(runtime_, [this] {
      if (--queues_left_ == 0) finish();
    });
  }
}

void Process::finish() {
  handover_.reset();
  inheritance_.end();
  admin_.reset();
  if (reloader_->ends_within(kReloadBound)) reloader_.reset();
  signals_.clear();
  config_watch_.reset();
  runtime_.stop();
}

void Process::stop_workers() {
  // The first worker owns the replayers, whose state the others read: it stops last.
  while (!workers_.empty()) {
    workers_.back()->stop();
    workers_.pop_back();
  }
}

}  // namespace tidegate::cli
