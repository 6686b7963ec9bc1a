// Performs one request about queues and jobs (jobs_request.h). One handler per request; its connection owns it, and the
// context outlives it.
//
//   body arrives ──▶ act ──▶ one store call, or several in sequence (purge_many) ──▶ response
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "admin/context.h"
#include "admin/jobs_request.h"
#include "admin/queue_json.h"
#include "admin/routes.h"
#include "core/gateway.h"
#include "http/server/server.h"

namespace tidegate::admin {

class JobsApi final : public http::Handler {
 public:
  // Null: the request was refused at once.
  static std::unique_ptr<http::Handler> make(Context& context, http::Responder& responder,
                                             JobsRequest::Operation operation, const PathValues& values);

  JobsApi(Context& context, http::Responder& responder, JobsRequest request);

 private:
  void on_body(std::string_view piece) override { body_ += piece; }  // bounded by the server's limits
  void on_body_end() override;
  void on_body_error(const http::ParseError& error) override;
  void on_client_gone() override { operation_.reset(); }
  void on_response_drained() override {}

  void act();
  void list_queues();
  void list();
  void show();
  void purge();
  void cancel();
  void replay();
  void replay_many();
  void stop_replay();
  void purge_page();
  void purge_next();
  void stop_purge(Error why);
  void respond_purged();
  void respond(uint16_t status, const std::string& json);
  void refuse(const Refused& refused);
  void refuse(const Error& error, std::string conflict);
  void log(std::string_view action, uint64_t jobs) const;  // `jobs`: that it has changed so far

  jobs::JobQueue& queue() { return *state_->queue; }
  net::Runtime& runtime() { return responder_.runtime(); }
  std::string job_json(const jobs::JobRecord& record, bool history);

  Context& context_;
  http::Responder& responder_;
  JobsRequest request_;
  core::QueueState* state_ = nullptr;
  std::shared_ptr<const void> held_;  // the queue of it
  std::string body_;
  std::string operator_;  // X-Operator: a name the client claims
  jobs::OperationPtr operation_;
  std::vector<std::string> ids_;  // purge_many: the rest of the page; the last one is next
  bool last_page_ = false;
  uint64_t purged_ = 0;
};

}  // namespace tidegate::admin
