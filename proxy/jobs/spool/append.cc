#include "jobs/spool/append.h"

#include <utility>

#include "jobs/spool/cancellations.h"
#include "jobs/spool/forwarder.h"
#include "net/finished.h"

namespace tidegate::jobs {

namespace {

// The server has understood and decided.
bool is_verdict(const Result<Appended>& appended) {
  return appended.ok() || appended.error().code == ErrorCode::exhausted ||
         appended.error().code == ErrorCode::invalid || appended.error().code == ErrorCode::conflict;
}

}  // namespace

OperationPtr SpooledAppend::begin(net::Runtime& home, const SpoolParts& parts, JobDraft draft, bool ask_server,
                                  Callback<Appended> done) {
  auto append = std::make_unique<SpooledAppend>(home, parts, std::move(draft), std::move(done));
  ask_server ? append->ask_server() : append->ask_spool();
  return append;
}

SpooledAppend::SpooledAppend(net::Runtime& home, const SpoolParts& parts, JobDraft draft, Callback<Appended> done)
    : home_(home), parts_(parts), draft_(std::move(draft)), done_(std::move(done)), server_timer_(home, [this] {
        give_up_on_server("no reply within the time for an append");
      }) {}

// The caller has gone, or has its result. A call that the server has not completed ends with it, and is undone, unless
// the spool has taken over. Dropping undoes what the spool was doing, which may have been forwarded already.
SpooledAppend::~SpooledAppend() {
  if (at_server_) at_server_->owner = nullptr;
  if (at_server_ && !at_spool_) at_server_->operation.reset();
  if (done_ && at_spool_) parts_.cancellations.add(draft_.id);
}

void SpooledAppend::ask_server() {
  server_timer_.start_after(kServerReplyMax);
  at_server_ = std::make_shared<ServerCall>();
  at_server_->owner = this;
  // The call holds itself until it is completed, which every queue does within a bound.
  at_server_->operation = parts_.server.append(home_, draft_, [call = at_server_](Result<Appended> appended) {
    const auto finished = net::finished(call->operation);
    if (call->owner) call->owner->on_server(std::move(appended));
  });
}

void SpooledAppend::on_server(Result<Appended> appended) {
  server_timer_.stop();
  if (at_spool_) return;  // too late: the spool has been queried
  if (!is_verdict(appended)) return give_up_on_server(appended.error().message);
  const auto done = std::exchange(done_, nullptr);
  done(std::move(appended));  // may destroy this
}

void SpooledAppend::give_up_on_server(const std::string& reason) {
  parts_.forwarder.suspect_server(reason);
  ask_spool();
}

void SpooledAppend::ask_spool() {
  at_spool_ = parts_.spool.append(home_, draft_, [this](Result<Appended> appended) { on_spool(std::move(appended)); });
}

void SpooledAppend::on_spool(Result<Appended> appended) {
  // The spool has not taken it under this id: then the server must not have it either.
  const bool other = appended.ok() && appended->id != draft_.id;
  if (at_server_ && (!appended.ok() || other)) parts_.cancellations.add(draft_.id);
  const auto done = std::exchange(done_, nullptr);
  done(std::move(appended));  // may destroy this
}

}  // namespace tidegate::jobs
