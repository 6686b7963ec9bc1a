#include "cli/handover/handover.h"

#include <unistd.h>

#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "cli/handover/inheritance.h"

namespace tidegate::cli {

namespace {

constexpr Duration kAfterGrace = 10s;  // until the process before this one has ended, after its shutdown_grace
constexpr Duration kReloadMax = 30s;   // until a reload that was under way has ended
constexpr Duration kCheckEvery = 20ms;
constexpr Duration kOfferMax = 30s;  // until the next process has prepared
constexpr Duration kCutOffMax = 4s;  // until jobs that were cut off are deferred
constexpr Duration kIdleMax = 2s;    // until calls to a queue that were made before it was held have ended
constexpr Duration kCloseMax = 30s;  // until the stores are closed
constexpr Duration kOpenMax = 60s;   // until the next process has opened the queues
constexpr Duration kServeMax = 30s;  // until it accepts connections
constexpr Duration kReturnMax = 5s;  // until calls to a queue that is not back fail
constexpr Duration kReopenEvery = 100ms;

}  // namespace

Result<std::unique_ptr<Handover>> Handover::listen(const Parts& parts, const std::string& path, Callbacks callbacks) {
  std::unique_ptr<Handover> handover(new Handover(parts, path, std::move(callbacks)));
  if (Status status = handover->listen_at_path(); !status) return status.error();
  return handover;
}

Handover::Handover(const Parts& parts, std::string path, Callbacks callbacks)
    : parts_(parts),
      path_(std::move(path)),
      callbacks_(std::move(callbacks)),
      queues_(parts.runtime, parts.gateway),
      timer_(parts.runtime, [this] { on_time_over(); }) {}

Status Handover::listen_at_path() {
  auto listener = net::MessageListener::listen(parts_.runtime, path_,
                                               [this](net::MessageSocket socket) { on_connected(std::move(socket)); });
  if (!listener) return Error{listener.error().code, "takeover: " + listener.error().message};
  listener_ = std::move(*listener);
  return Ok{};
}

Handover::~Handover() {
  *alive_ = false;
  if (calls_) calls_->end("the process ends");
}

const char* Handover::word(State state) {
  static constexpr const char* kWords[] = {
      "waiting", "awaiting_predecessor", "awaiting_reload", "offering",   "ending_jobs", "cutting_off", "closing",
      "opening", "committing",           "returning",       "handed_over"};
  return kWords[static_cast<size_t>(state)];
}

const char* Handover::step() const {
  return state_ == State::waiting && callbacks_.predecessor() != 0 ? "predecessor_draining" : word(state_);
}

int Handover::other() const { return state_ == State::waiting ? callbacks_.predecessor() : other_; }

void Handover::move_on(State state) {
  state_ = state;
  log_info("takeover_step", {{"process", other_}, {"step", word(state)}});
}

void Handover::warn_failed(const std::string& reason) const {
  log_warn("takeover_failed", {{"process", other_}, {"step", word(state_)}, {"reason", reason}});
}

// A visitor says what it wants before it is refused: what lies unread when a connection is closed would hide the
// reason. What it says afterwards is not looked at.
void Handover::on_connected(net::MessageSocket socket) {
  const uint64_t connection = ++connections_;
  visitor_ = std::make_unique<net::MessageChannel>(
      parts_.runtime, std::move(socket),
      net::MessageChannel::Callbacks{[this, connection](net::Message message) {
                                       if (connection == with_) on_message(std::move(message));
                                       else if (visitor_ && connection == connections_ && connection != refused_)
                                         on_hello(message);
                                     },
                                     [this, connection](const Error&) {
                                       if (connection == with_) fail("the process has ended");
                                     }});
}

std::string Handover::refusal(const net::Message& hello) const {
  if (visitor_->peer().user != ::geteuid()) return "only the user of this process may take over";
  if (told_to_stop_) return "this process is told to stop: start the new one again when it has ended";
  if (state_ != State::waiting) return "another takeover is under way";
  const bool understood = kind_of(hello) == Kind::hello && hello.text.substr(1) == kProtocol;
  return understood ? "" : "this version understands " + std::string(kProtocol) + " alone";
}

void Handover::on_hello(const net::Message& message) {
  const net::MessagePeer peer = visitor_->peer();
  if (const std::string reason = refusal(message); !reason.empty()) {
    refused_ = connections_;
    log_warn("takeover_refused", {{"process", peer.process}, {"reason", reason}});
    return visitor_->send(make_message(Kind::refused, reason));
  }
  other_ = peer.process;
  with_ = connections_;
  channel_ = std::move(visitor_);
  offer_when_possible();
}

// A reload: often of the very file that was replaced for the next process.
void Handover::offer_when_possible() {
  if (const int before = callbacks_.predecessor(); before != 0 && has_queues()) {
    const std::string why = fmt::format("process {} still drains: take over when it has ended", before);
    return await(State::awaiting_predecessor, parts_.gateway.table()->config().shutdown_grace + kAfterGrace, why);
  }
  if (callbacks_.reload_under_way()) {
    return await(State::awaiting_reload, kReloadMax,
                 "a reload is under way, or a queue that one has removed is being closed");
  }
  offer();
}

// `what`: of the end; the next process logs it.
void Handover::await(State step, Duration time_max, const std::string& what) {
  if (state_ != step) {
    offer_by_ = parts_.runtime.now() + time_max;
    move_on(step);
    channel_->send(wait_message({time_max, what}));
  }
  if (parts_.runtime.now() >= offer_by_) return fail(what);
  timer_.start_after(kCheckEvery);
}

void Handover::offer() {
  auto sockets = parts_.sockets.share(addresses_of(parts_.gateway.table()->config(), parts_.admin));
  if (!sockets) return fail(sockets.error().message);
  for (net::InheritedSocket& socket : *sockets) channel_->send(socket_message(std::move(socket)));
  channel_->send(make_message(Kind::sockets_end));
  move_on(State::offering);
  callbacks_.under_way(true);
  timer_.start_after(kOfferMax);
}

void Handover::on_message(net::Message message) {
  const auto kind = kind_of(message);
  if (kind == Kind::prepared && state_ == State::offering) return end_jobs(message);
  if (kind == Kind::opened && state_ == State::opening) return commit();
  if (kind == Kind::serving && state_ == State::committing) return give_away();
  if (kind == Kind::failed && state_ < State::returning) return fail(message.text.substr(1));
  const bool answered =
      kind == Kind::answer && state_ == State::handed_over && calls_->on_answer(without_kind(std::move(message)));
  if (!answered) fail("it does not follow the protocol");
}

void Handover::end_jobs(const net::Message& message) {
  auto prepared = read_prepared(message);
  if (!prepared) return fail("it does not follow the protocol");
  prepared_ = std::move(*prepared);
  if (const std::string refusal = queues_.refusal(prepared_); !refusal.empty()) return fail(refusal);
  move_on(State::ending_jobs);
  const Duration grace = parts_.gateway.table()->config().shutdown_grace;
  timer_.start_after(grace);
  channel_->send(wait_message({grace + kCutOffMax + kIdleMax + kCloseMax, "jobs that run end first"}));
  parts_.jobs_worker.drain_jobs(parts_.runtime, [this, alive = alive_, attempt = attempt_] {
    if (!*alive || attempt != attempt_) return;
    if (state_ == State::ending_jobs || state_ == State::cutting_off) hold_queues();
  });
}

// From here on calls to the queues wait.
void Handover::hold_queues() {
  move_on(State::closing);
  timer_.start_after(kIdleMax);
  queues_.hold([this, attempt = attempt_] {
    if (attempt == attempt_ && state_ == State::closing) close_queues();
  });
}

void Handover::close_queues() {
  timer_.start_after(kCloseMax);
  queues_.close([this] { state_ == State::closing ? release() : take_back(); });
}

void Handover::release() {
  move_on(State::opening);
  timer_.start_after(kOpenMax);
  channel_->send(make_message(Kind::released));
}

// The other process may serve now, or may have been killed: this one serves on until the other says that it serves.
void Handover::commit() {
  move_on(State::committing);
  timer_.start_after(kServeMax);
  channel_->send(make_message(Kind::commit));
}

void Handover::give_away() {
  timer_.stop();
  move_on(State::handed_over);
  listener_.reset();
  calls_ = std::make_shared<jobs::RemoteCalls>(
      parts_.runtime, [this](net::Message call) { channel_->send(with_kind(Kind::call, std::move(call))); });
  queues_.give_away(calls_);
  callbacks_.handed_over(prepared_.addresses);
}

void Handover::on_time_over() {
  switch (state_) {
    case State::awaiting_predecessor:
    case State::awaiting_reload: return offer_when_possible();
    case State::ending_jobs:
      move_on(State::cutting_off);
      parts_.jobs_worker.cut_off_jobs();
      return timer_.start_after(kCutOffMax);
    case State::closing: return queues_.close_begun() ? fail("a queue does not close") : close_queues();
    case State::returning: return take_back();
    case State::committing:  // the other process has the queues: this one goes on without them until that one serves
      return warn_failed("it is silent");
    case State::offering:
    case State::cutting_off:
    case State::opening: return fail(fmt::format("it was too late in the step {}", word(state_)));
    case State::waiting:
    case State::handed_over: break;
  }
}

// Afterwards the queues are the other process's alone: what still waits for it fails.
void Handover::fail(const std::string& reason) {
  if (state_ != State::handed_over || has_queues()) warn_failed(reason);
  if (state_ == State::handed_over) {
    with_ = 0;
    calls_->end("the process that has taken the queue over has ended");
    return;
  }
  channel_->send(make_message(Kind::failed, reason));
  begin_return();
}

void Handover::begin_return() {
  const State from = state_;
  ++attempt_;
  with_ = 0;
  move_on(State::returning);
  if (from > State::offering && !drains_) parts_.jobs_worker.resume_jobs();
  return_by_ = parts_.runtime.now() + kReturnMax;
  take_back();
}

// Again and again: a process that was killed has its files for a moment, and one that hangs longer than calls can wait.
void Handover::take_back() {
  if (closes_) return;
  if (!queues_.closing() && queues_.take_back()) return end_return();
  if (parts_.runtime.now() >= return_by_) {
    return_by_ = Time::max();
    warn_failed(queues_.refuse_calls());
    if (stopped_) std::exchange(stopped_, nullptr)();
  }
  timer_.start_after(kReopenEvery);
}

void Handover::end_return() {
  timer_.stop();
  parts_.sockets.end_sharing();
  move_on(State::waiting);
  callbacks_.under_way(false);
  if (stopped_) return std::exchange(stopped_, nullptr)();
  if (!listener_) return;
  // The other process may have put its own socket there.
  if (Status status = listen_at_path(); !status) warn_failed(status.error().message);
}

void Handover::stop(std::function<void()> done) {
  told_to_stop_ = true;  // who has connected before may say hello still
  listener_.reset();
  drains_ = state_ == State::committing;
  if (state_ == State::waiting || state_ == State::handed_over || drains_) return done();
  stopped_ = std::move(done);
  if (state_ < State::committing) fail("the process is told to stop");
}

}  // namespace tidegate::cli
