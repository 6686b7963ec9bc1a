#include "jobs/spool/cancel.h"

#include <utility>

#include "jobs/spool/cancellations.h"
#include "net/finished.h"

namespace tidegate::jobs {

OperationPtr SpooledCancel::begin(net::Runtime& home, const SpoolParts& parts, const std::string& id,
                                  Callback<Ok> done) {
  auto cancel = std::make_unique<SpooledCancel>(home, parts, id, std::move(done));
  cancel->ask_spool();
  return cancel;
}

SpooledCancel::SpooledCancel(net::Runtime& home, const SpoolParts& parts, const std::string& id, Callback<Ok> done)
    : parts_(parts), home_(home), id_(id), done_(std::move(done)), recheck_timer_(home, [this] { ask_spool(); }) {}

void SpooledCancel::ask_spool() {
  current_ = parts_.spool.cancel(home_, id_, [this](Status status) { on_spool(std::move(status)); });
}

void SpooledCancel::on_spool(Status status) {
  const auto finished = net::finished(current_);
  if (status) {
    parts_.cancellations.add(id_);  // an append in doubt may have left it at the server too
    return done_(Ok{});
  }
  const ErrorCode code = status.error().code;
  if (code == ErrorCode::not_found && cancelled_at_server_) return done_(Ok{});
  if (code == ErrorCode::unavailable) spool_unavailable_ = status.error();
  const bool asks_server = code == ErrorCode::not_found || code == ErrorCode::conflict || spool_unavailable_;
  if (asks_server) return ask_server(code == ErrorCode::conflict);
  done_(std::move(status));
}

// `moving`: the forwarder holds it, or it has ended in the spool.
void SpooledCancel::ask_server(bool moving) {
  current_ = parts_.server.cancel(home_, id_, [this, moving](Status status) { on_server(moving, std::move(status)); });
}

// The server's reply about a moving job is not final: an append that was cancelled on its way may fail and be sent
// again, until the spool has let go of the job.
void SpooledCancel::on_server(bool moving, Status status) {
  const auto finished = net::finished(current_);
  const bool not_there = !status && status.error().code == ErrorCode::not_found;
  cancelled_at_server_ = cancelled_at_server_ || status.ok();
  if (moving && (cancelled_at_server_ || not_there) && --rechecks_left_ > 0) {
    return recheck_timer_.start_after(kRecheckDelay);
  }
  if (spool_unavailable_ && not_there) return done_(*spool_unavailable_);
  if (moving && not_there) return done_(Error{ErrorCode::conflict, "the job is being forwarded"});
  done_(std::move(status));
}

}  // namespace tidegate::jobs
