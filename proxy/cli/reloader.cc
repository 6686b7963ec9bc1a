#include "cli/reloader.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "cli/reload/reload_log.h"

namespace tidegate::cli {

namespace {

constexpr const char* kStopped = "the process is shutting down, or another one takes over";

template <typename Item>
std::vector<std::string> texts_of(const std::vector<Item>& items) {
  std::vector<std::string> texts;
  for (const Item& item : items) texts.push_back(item.to_string());
  return texts;
}

}  // namespace

Reloader::Reloader(net::Runtime& runtime, core::Gateway& gateway, const net::ListeningSockets& sockets,
                   Workers& workers, std::string file, config::Effective running)
    : runtime_(runtime),
      gateway_(gateway),
      workers_(workers),
      file_(std::move(file)),
      start_(start_values(gateway.table()->config())),
      in_force_(std::move(running)),
      opened_(store_values(in_force_)),
      own_addresses_(runtime, gateway, sockets),
      removed_queues_(runtime, gateway.policies(),
                      {[this](const std::string& queue, std::function<void()> done) {
                         workers_.front()->forget_queue(queue, runtime_, std::move(done));
                       },
                       [this](const std::string& queue) { forget_opened(queue); }, [this] { close_unused_queues(); }}),
      background_(runtime),
      link_(std::make_shared<Reloader*>(this)) {
  gateway.policies().on_unused([link = link_] {
    if (*link) (*link)->close_unused_queues();
  });
}

Reloader::~Reloader() { *link_ = nullptr; }

void Reloader::reload(const std::string& trigger, Done done) {
  if (stopped_ && !done) {
    missed_ = true;
    return;
  }
  requests_.push_back({trigger, std::move(done)});
  if (state_ == State::idle) begin();
}

void Reloader::stop() { stopped_ = true; }

void Reloader::resume() {
  stopped_ = false;
  if (std::exchange(missed_, false)) reload("file", nullptr);
  close_unused_queues();
}

void Reloader::begin() {
  served_ = std::exchange(requests_, {});
  report_ = {};
  report_.trigger = served_.front().trigger;
  report_.at = runtime_.wall_now();
  begun_at_ = runtime_.now();
  state_ = State::loading;
  on_thread([this]() -> Background::Then {
    const auto loaded = std::make_shared<Loaded>(load());
    return [this, loaded] { on_loaded(std::move(*loaded)); };
  });
}

// A thread, or memory, may be used up: that refuses the reload, and ends nothing.
void Reloader::on_thread(std::function<Background::Then()> work) {
  background_.run(std::move(work), [this](const std::string& why) { refuse({why}); });
}

// On the thread.
Reloader::Loaded Reloader::load() const {
  Loaded loaded;
  if (file_ == config::kStandardInput) {
    loaded.result.errors = {{"stdin", {}, "", "a configuration from the standard input cannot be loaded again"}};
    return loaded;
  }
  loaded.result = config::load_file(file_, {}, start_.takeover_socket);
  if (!loaded.result.config) return loaded;
  loaded.changes = config::find_changes(in_force_, loaded.result.effective);
  loaded.stores = store_values(loaded.result.effective);
  return loaded;
}

void Reloader::on_loaded(Loaded loaded) {
  loaded_ = std::move(loaded);
  const auto& next = loaded_.result.config;
  if (!next) return refuse(texts_of(loaded_.result.errors));
  report_.warnings = texts_of(loaded_.result.warnings);
  report_.changes = texts_of(loaded_.changes);
  const Candidate candidate{*next, loaded_.stores};
  const Running now = running(start_, opened_, gateway_.policies(), removed_queues_.closing());
  report_.needs_restart = needing_restart(candidate, now);
  gateway_.policies().stop_appends_but_of(*next);
  std::vector<std::string> errors;
  for (auto&& found : {refuse_admin(*next, start_), refuse_queues(candidate, now, gateway_.policies()),
                       refuse_removals(*next, gateway_.table()->config(), gateway_.policies()),
                       refuse_addresses(own_addresses_.all(), *next)}) {
    errors.insert(errors.end(), found.begin(), found.end());
  }
  if (stopped_) errors = {kStopped};
  if (!errors.empty()) return refuse(std::move(errors));
  open_queues();
}

// Those of the configuration that are not open yet.
void Reloader::open_queues() {
  state_ = State::opening;
  const auto& known = gateway_.policies().queues();
  const auto& next = loaded_.result.config;
  Names queues;
  for (const auto& [name, queue] : next->queues) {
    if (!known.contains(name)) queues.insert(name);
  }
  Names callbacks = queues_with_callbacks(*next);
  std::erase_if(callbacks, [&](const std::string& name) { return known.contains(name) && known.at(name).callbacks; });
  opening_ = std::make_unique<Opening>();
  on_thread([this, next, queues, callbacks, handover = handover(), &opening = *opening_,
             &metrics = gateway_.metrics()]() -> Background::Then {
    metrics.hide_new(*next);
    opening.queues = open_stores(*next, queues, metrics);
    if (opening.queues) opening.callbacks = open_callback_stores(*next, callbacks, metrics, handover);
    if (!opening.callbacks) opening.queues->clear();  // before the next reload can ask for their files
    else if (opening.queues) metrics.add_configured(*next);
    return [this] { on_opened(); };
  });
}

void Reloader::on_opened() {
  Opening& opened = *opening_;
  if (!opened.queues) return refuse({opened.queues.error().message});
  if (!opened.callbacks) return refuse({opened.callbacks.error().message});
  if (stopped_) return refuse({kStopped});
  for (const auto& [name, stores] : *opened.queues) added_queues_.push_back(name);
  for (const auto& [name, store] : *opened.callbacks) added_callbacks_.push_back(name);
  opened_.merge(of_queues(loaded_.stores, [&](const std::string& name) { return opened.queues->contains(name); }));
  gateway_.policies().add(start_queues(std::move(*opened.queues), runtime_, handover()), std::move(*opened.callbacks));
  report_.errors = unusable_queues();
  report_.errors.empty() ? build_table() : close_opened();
}

void Reloader::build_table() {
  state_ = State::building;
  building_ = std::make_unique<TableInSteps>(runtime_, loaded_.result.config, gateway_.policies(), [this](auto table) {
    table_ = std::move(table);
    if (!stopped_) return prepare();
    report_.errors = {kStopped};
    undo();
  });
}

// Of the new ones: a file may be damaged. At a start that is no reason not to serve, but what is in force now works.
std::vector<std::string> Reloader::unusable_queues() {
  std::vector<std::string> errors;
  for (const std::string& name : added_queues_) {
    const jobs::QueueView view = gateway_.policies().queues().at(name).queue->view();
    if (!view.available) errors.push_back(fmt::format("queues.{}: takes no jobs: {}", name, view.why_unavailable));
  }
  return errors;
}

// The reload is refused after all: once they are closed.
void Reloader::close_opened() {
  closing_left_ = 1;
  const auto one_closed = [this, link = link_] {
    if (*link && --closing_left_ == 0) refuse(std::move(report_.errors));
  };
  for (const std::string& name : std::exchange(added_queues_, {})) {
    forget_opened(name);
    ++closing_left_;
    gateway_.policies().close(name, one_closed);
  }
  for (const std::string& name : std::exchange(added_callbacks_, {})) {
    const auto queue = gateway_.policies().queues().find(name);
    if (queue == gateway_.policies().queues().end()) continue;  // closed with it
    ++closing_left_;
    close_callbacks(queue->second, runtime_, one_closed);
  }
  one_closed();
}

void Reloader::prepare() {
  state_ = State::preparing;
  workers_left_ = workers_.size();
  for (auto& worker : workers_) {
    worker->prepare(table_, runtime_, [this, link = link_](const Status& status) {
      if (*link) on_prepared(status);
    });
  }
}

void Reloader::on_prepared(const Status& status) {
  if (!status) report_.errors.push_back(status.error().message);
  if (--workers_left_ > 0) return;
  if (stopped_) report_.errors.push_back(kStopped);
  // Those that were added before appends were stopped.
  for (std::string& error : refuse_removals(*loaded_.result.config, gateway_.table()->config(), gateway_.policies())) {
    report_.errors.push_back(std::move(error));
  }
  report_.errors.empty() ? commit() : roll_back();
}

void Reloader::roll_back() {
  state_ = State::rolling_back;
  workers_left_ = workers_.size();
  for (auto& worker : workers_) {
    worker->roll_back(runtime_, [this, link = link_] {
      if (*link && --workers_left_ == 0) undo();
    });
  }
}

// What the main loop has done for the table.
void Reloader::undo() {
  table_.reset();
  gateway_.policies().roll_back();
  close_opened();
}

void Reloader::commit() {
  state_ = State::committing;
  added_queues_.clear();
  added_callbacks_.clear();
  replaced_ = gateway_.table();
  own_addresses_.leave(replaced_->config());
  gateway_.use(std::move(table_));
  gateway_.metrics().show_new();
  replaced_effective_ = std::exchange(in_force_, std::move(loaded_.result.effective));
  configure_log(loaded_.result.config->log);
  workers_left_ = workers_.size();
  for (auto& worker : workers_) {
    worker->commit(runtime_, [this, link = link_] {
      if (*link && --workers_left_ == 0) finish(true);
    });
  }
}

void Reloader::refuse(std::vector<std::string> errors) {
  report_.errors = std::move(errors);
  gateway_.policies().take_appends_of(gateway_.table()->config());
  log_refused(file_, report_);
  finish(false);
}

void Reloader::finish(bool applied) {
  report_.applied = applied;
  if (applied) {
    log_applied(file_, report_, runtime_.now() - begun_at_);
    log_warnings(loaded_.result.warnings);
  }
  gateway_.metrics().set_config_loaded(applied, runtime_.wall_now());
  freeing_.free(std::make_shared<Garbage>(Garbage{std::exchange(replaced_effective_, {}), std::exchange(loaded_, {}),
                                                  std::exchange(replaced_, nullptr), std::move(opening_)}));
  // Often the watch of the file was first: then the report is of what it has done.
  const bool was_in_force = applied && report_.changes.empty() && last_ && last_->applied;
  if (!was_in_force) last_ = std::move(report_);
  last_->was_in_force = was_in_force;
  state_ = State::idle;
  const auto served = std::exchange(served_, {});
  for (const Request& request : served) {
    if (request.done) request.done(*last_);
  }
  go_on();
}

void Reloader::go_on() {
  if (state_ != State::idle) return;
  requests_.empty() ? close_unused_queues() : begin();
}

// Not while it is stopped: a process that takes over needs the queues, and one that ends closes them itself.
void Reloader::close_unused_queues() {
  if (state_ != State::idle || stopped_) return;
  const bool closing = removed_queues_.close_unused([this] {
    state_ = State::idle;
    go_on();
  });
  if (closing) state_ = State::closing_removed;
}

void Reloader::forget_opened(const std::string& queue) {
  opened_ = of_queues(opened_, [&](const std::string& name) { return name != queue; });
}

}  // namespace tidegate::cli
