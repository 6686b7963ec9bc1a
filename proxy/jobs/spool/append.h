// An append to a spooled queue. The server is tried first where it is healthy; the spool takes over where the server
// fails or does not reply within kServerReplyMax.
//
//   server's call ──ok, full, key taken──▶ completed
//        │ error, or no reply in time
//        └──▶ spool's call ──▶ completed      (a later reply of the server changes nothing: both have one id)
#pragma once

#include <memory>

#include "jobs/spool/parts.h"
#include "net/timer.h"

namespace tidegate::jobs {

class SpooledAppend final : public net::Operation {
 public:
  static constexpr Duration kServerReplyMax = 1s;

  static OperationPtr begin(net::Runtime& home, const SpoolParts& parts, JobDraft draft, bool ask_server,
                            Callback<Appended> done);
  SpooledAppend(net::Runtime& home, const SpoolParts& parts, JobDraft draft, Callback<Appended> done);
  ~SpooledAppend() override;

 private:
  // The server's call. It outlives its SpooledAppend where the spool has taken over: dropped, it would be undone.
  struct ServerCall {
    SpooledAppend* owner = nullptr;
    OperationPtr operation;
  };

  void ask_server();
  void on_server(Result<Appended> appended);
  void ask_spool();
  void give_up_on_server(const std::string& reason);
  void on_spool(Result<Appended> appended);

  net::Runtime& home_;
  const SpoolParts parts_;
  JobDraft draft_;
  Callback<Appended> done_;
  std::shared_ptr<ServerCall> at_server_;
  OperationPtr at_spool_;
  net::Timer server_timer_;
};

}  // namespace tidegate::jobs
