// The service over HTTP: what a request is, and what all of them share. One loop; the disk has its own threads.
//
//   POST /upload           the form: image, wm_text, wm_position      upload_handler.h
//   GET  /status/KEY       what has become of it                      key_handlers.h
//   GET  /images/KEY       the picture                                key_handlers.h
//   GET  /health, /ready   alive; able to work                        ready_handler.h
//   GET  /metrics          for Prometheus                             metrics/metrics.h
//   POST /webhooks/tidegate  a job has ended (WEBHOOK_SECRET)         webhook/webhook_handler.h
//   GET  /demo, POST /demo/fault  in a demonstration alone            demo/demo_handlers.h
//   GET  /, /page.css, /page.js                                       page.h
//   OPTIONS anything       CORS: pages of every origin may use it
//
// Errors are application/problem+json.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/metrics/counted.h"
#include "api/metrics/metrics.h"
#include "api/ready_check.h"
#include "api/settings.h"
#include "api/store/cache.h"
#include "api/store/object_store.h"
#include "api/tidegate_client.h"
#include "api/upload/flight.h"
#include "api/upload/room.h"
#include "http/server/server.h"

namespace tidegate::api {

struct ServiceLimits {
  uint64_t pictures_bytes_max = 256ull << 20;  // of all uploads that are not answered yet, and pictures being sent
  size_t connections_max = 1000;
  Duration form_timeout = 10min;  // for one upload to come in
  Duration watch_every = 10s;     // between looks at the dependencies, for the metric
};

class ApiService final : private http::Service {
 public:
  // The runtime, the cache and the store outlive the service.
  ApiService(net::Runtime& runtime, const Settings& settings, ResultCache& cache, ObjectStore& store,
             const ServiceLimits& limits = {});

  Status listen() { return server_.listen(settings_.listen); }
  SocketAddress address() const { return server_.address(); }

  // Not ready any more. Takes no more requests, finishes those it has, and removes what was stored in vain; then
  // `done`, once, which may destroy this.
  void drain(std::function<void()> done);
  size_t connections() const { return server_.connections(); }

  const RoomBudget& budget() const { return budget_; }
  const Flights& flights() const { return flights_; }

 private:
  std::unique_ptr<http::Handler> on_request(http::Responder& responder) override;
  http::Service::Refusal on_refused(const http::ParseError& error, const SocketAddress& peer) override;
  std::unique_ptr<http::Handler> webhook(http::Responder& responder);
  std::string client_of(http::Responder& responder) const;
  std::unique_ptr<http::Handler> demo(http::Responder& responder);
  std::unique_ptr<http::Handler> get(http::Responder& responder);
  std::unique_ptr<http::Handler> get_key(http::Responder& responder);
  std::unique_ptr<http::Handler> ready(http::Responder& responder);
  void on_answer(const http::RequestHead& head, uint16_t status) override { metrics_.answered(head.path, status); }
  void watch();
  // Told in the log when it changes, however often it is asked.
  void on_found(const ReadyCheck::Findings& findings);
  Reply metrics_reply();
  std::unique_ptr<http::Handler> upload(http::Responder& responder);
  Backend backend() { return {runtime_, cache_, store_, tidegate_}; }

  net::Runtime& runtime_;
  const Settings settings_;
  const ServiceLimits limits_;
  Metrics metrics_;
  CountedCache cache_;
  CountedStore store_;
  RoomBudget budget_;
  SendingRooms rooms_{budget_};
  TidegateClient tidegate_;
  Flights flights_;
  const std::vector<Dependency> dependencies_;
  ReadyCheck::Findings failures_;  // as they were found last; "" before the first
  std::optional<ReadyCheck> watch_;
  net::Timer watch_timer_;
  bool is_draining_ = false;
  http::Server server_;  // first to go: its handlers use the rest
};

}  // namespace tidegate::api
