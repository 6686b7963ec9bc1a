// A cancel while the spool holds something. A job that is being forwarded at this moment is waited for.
//
//   spool's call ──ok, or there is no server──▶ completed
//     ▲   │ not found, or being forwarded
//     │   └──▶ server's call ──▶ completed
//     └──────────── being forwarded: again, kRecheckDelay later, kRechecksMax times
//
// Where the spool is unavailable the server is asked; what that does not know may be in the spool.
#pragma once

#include <optional>
#include <string>

#include "jobs/spool/parts.h"
#include "net/timer.h"

namespace tidegate::jobs {

class SpooledCancel final : public net::Operation {
 public:
  static OperationPtr begin(net::Runtime& home, const SpoolParts& parts, const std::string& id, Callback<Ok> done);
  SpooledCancel(net::Runtime& home, const SpoolParts& parts, const std::string& id, Callback<Ok> done);

 private:
  static constexpr Duration kRecheckDelay = 50ms;
  static constexpr int kRechecksMax = 40;

  void ask_spool();
  void on_spool(Status status);
  void ask_server(bool moving);
  void on_server(bool moving, Status status);

  const SpoolParts parts_;
  net::Runtime& home_;
  const std::string id_;
  Callback<Ok> done_;
  int rechecks_left_ = kRechecksMax;
  bool cancelled_at_server_ = false;  // while the job was moving
  std::optional<Error> spool_unavailable_;
  OperationPtr current_;
  net::Timer recheck_timer_;
};

}  // namespace tidegate::jobs
