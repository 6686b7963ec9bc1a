#include "jobs/spool/cancellations.h"

#include <utility>

#include "net/finished.h"

namespace tidegate::jobs {

void ServerCancellations::add(Pending pending) {
  const std::lock_guard lock(mutex_);
  pending_.push_back(std::move(pending));
  if (pending_.size() > kPendingMax) pending_.pop_front();
}

void ServerCancellations::run() {
  Pending next;
  {
    const std::lock_guard lock(mutex_);
    if (cancelling_ || pending_.empty() || pending_.front().due > runtime_.now()) return;
    next = pending_.front();
    pending_.pop_front();
  }
  cancelling_ = server_.cancel(runtime_, next.id, [this, next](const Status& status) { on_cancelled(next, status); });
}

void ServerCancellations::on_cancelled(const Pending& pending, const Status& status) {
  const auto finished = net::finished(cancelling_);
  const ErrorCode code = status ? ErrorCode::conflict : status.error().code;
  const bool answered = code == ErrorCode::not_found || code == ErrorCode::conflict;
  const int checks_left = answered ? pending.checks_left - 1 : pending.checks_left;
  if (code != ErrorCode::conflict && checks_left > 0) {
    add({pending.id, checks_left, runtime_.now() + kRecheckDelay});
  }
  if (answered) run();
}

}  // namespace tidegate::jobs
