// Performs one request about queues and jobs (jobs_request.h): one handler a request, owned by its connection. The
// gateway and the bulk replays outlive it.
//
//   body arrives ──▶ act ──▶ one store call, or several one after the other (purge_many) ──▶ answered
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "admin/jobs_request.h"
#include "admin/queue_json.h"
#include "core/gateway.h"
#include "http/server/server.h"

namespace tidegate::admin {

class JobsApi final : public http::Handler {
 public:
  // Null: it was answered at once.
  static std::unique_ptr<http::Handler> make(core::Gateway& gateway, BulkReplays& bulk, http::Responder& responder);

  JobsApi(core::Gateway& gateway, BulkReplays& bulk, http::Responder& responder, JobsRequest request);

 private:
  void on_body(std::string_view piece) override { body_ += piece; }  // bounded by the server's limits
  void on_body_end() override;
  void on_body_error(const http::ParseError& error) override;
  void on_client_gone() override { operation_.reset(); }
  void on_response_drained() override {}

  void act();
  void answer_queues();
  void list();
  void show();
  void purge();
  void cancel();
  void replay();
  void replay_many();
  void stop_replay();
  void purge_page();
  void purge_next();
  void answer_purged();
  void answer(uint16_t status, const std::string& json);
  void refuse(const Refused& refused);
  void refuse(const Error& error, std::string conflict);
  void log(std::string_view what) const;

  jobs::JobQueue& queue() { return *state_->queue; }
  net::Runtime& runtime() { return responder_.runtime(); }

  core::Gateway& gateway_;
  BulkReplays& bulk_;
  http::Responder& responder_;
  JobsRequest request_;
  core::QueueState* state_ = nullptr;
  std::string body_;
  std::string operator_;  // X-Operator: who says they are asking
  jobs::OperationPtr operation_;
  std::vector<std::string> ids_;  // purge_many: of the page; the last one is next
  bool last_page_ = false;
  uint64_t purged_ = 0;
};

}  // namespace tidegate::admin
