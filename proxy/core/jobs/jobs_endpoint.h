// What a client with a job's id may request on a listener: its status, its result, its cancellation.
//
//   GET    /_jobs/ID           GET /_jobs/ID/result           DELETE /_jobs/ID
//
// Prefer: wait=N on the first two delays the response until the job has ended, up to kWaitMax.
//
// Ids are 128 random bits: who knows one was given it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/jobs/job_wait.h"
#include "core/jobs/result_sender.h"
#include "core/routing/route_table.h"
#include "core/worker.h"
#include "http/server/server.h"

namespace tidegate::core {

class JobsHandler final : public http::Handler {
 public:
  // The label of these requests in metrics and the access log; no route may be named so.
  static constexpr const char* kRoute = "_jobs";
  static constexpr Duration kWaitMax = std::chrono::seconds(60);

  // `listener`: of `table`, which the handler keeps. The others outlive the handler.
  JobsHandler(Worker& worker, std::shared_ptr<const RouteTable> table, const ListenerRoutes& listener,
              metrics::RouteMetrics& metrics, http::Responder& responder);
  void start();

 private:
  enum class Ask { status, result, cancel };

  void on_body(std::string_view) override {}
  void on_body_end() override {}
  void on_body_error(const http::ParseError& error) override;
  void on_client_gone() override;
  void on_response_drained() override;

  bool understand();
  void look();
  void found(const jobs::JobRecord& record);
  void respond(const jobs::JobRecord& record);
  void await_end();
  void send_status(const jobs::JobRecord& record);
  void fetch_result();
  void send_result(jobs::ResultReader result);
  void cancel(const jobs::JobRecord& record);
  Random& random() const { return responder_.runtime().random(); }
  void problem(policy::Outcome outcome, std::string_view detail = {}, std::optional<Duration> retry_after = {},
               std::string extra_fields = {});
  void end(policy::Outcome outcome, uint16_t code);
  Duration wait_for(const jobs::JobRecord& record) const;
  std::optional<WallTime> next_attempt_at(const jobs::JobRecord& record) const;
  QueueState& queue() const { return *listener_.queues[queue_index_]; }

  Worker& worker_;
  const std::shared_ptr<const RouteTable> table_;
  const ListenerRoutes& listener_;
  metrics::RouteMetrics& metrics_;
  http::Responder& responder_;
  size_t queue_index_ = 0;
  std::string request_id_;
  std::string id_;
  Ask ask_ = Ask::status;
  Time begun_;
  std::unique_ptr<net::Operation> operation_;
  std::optional<Duration> wait_;  // Prefer: wait=N
  std::string applied_;           // Preference-Applied, once it was honoured
  std::unique_ptr<JobWait> waiting_;
  std::unique_ptr<ResultSender> result_;
};

// {"job_id":…,"status":…}: as clients and operators see a record.
std::string job_json(const jobs::JobRecord& record, const std::optional<WallTime>& next_attempt_at);

}  // namespace tidegate::core
