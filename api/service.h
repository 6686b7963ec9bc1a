// The service over HTTP: its routes, and what all requests share. It runs on one event loop; disk and hashing have
// threads of their own. The table in service.cc lists the routes; errors are application/problem+json.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/cache/result_cache.h"
#include "api/metrics/counted.h"
#include "api/metrics/metrics.h"
#include "api/ready/dependency_watch.h"
#include "api/settings.h"
#include "api/store/object_store.h"
#include "api/tidegate/tidegate_client.h"
#include "api/upload/flight.h"
#include "http/server/server.h"

namespace tidegate::api {

struct ServiceLimits {
  uint64_t pictures_bytes_max = 256ull << 20;  // all uploads without a response yet, and pictures being sent
  size_t connections_max = 1000;
  Duration form_timeout = 10min;  // for one upload to arrive
  Duration check_interval = 10s;  // between checks of the dependencies
};

class ApiService final : private http::Service {
 public:
  // The runtime, the cache and the store must outlive the service.
  ApiService(net::Runtime& runtime, const Settings& settings, ResultCache& cache, ObjectStore& store,
             const ServiceLimits& limits = {});

  Status listen() { return server_.listen(settings_.listen); }
  SocketAddress address() const { return server_.address(); }

  // Stops accepting requests, reports not ready, finishes the requests in progress and removes originals of failed
  // uploads; then calls `done`, once, which may destroy this.
  void drain(std::function<void()> done);
  size_t connections() const { return server_.connections(); }

  const MemoryBudget& budget() const { return budget_; }
  const Flights& flights() const { return flights_; }

 private:
  using HandlerPtr = std::unique_ptr<http::Handler>;
  struct Route;
  static const std::vector<Route> kRoutes;

  static const Route* find_route(std::string_view path);
  static std::vector<std::string_view> endpoints();

  HandlerPtr on_request(http::Responder& responder) override;
  http::Service::Refusal on_refused(const http::ParseError& error, const SocketAddress& peer) override;
  void on_response(const http::RequestHead& head, uint16_t status) override;

  // The handlers of the routes.
  HandlerPtr upload(http::Responder& responder);
  HandlerPtr status(http::Responder& responder);
  HandlerPtr image(http::Responder& responder);
  HandlerPtr health(http::Responder& responder);
  HandlerPtr ready(http::Responder& responder);
  HandlerPtr metrics(http::Responder& responder);
  HandlerPtr webhook(http::Responder& responder);
  HandlerPtr demo(http::Responder& responder);
  HandlerPtr fault(http::Responder& responder);
  HandlerPtr page(http::Responder& responder);
  HandlerPtr favicon(http::Responder& responder);

  std::vector<Dependency> dependencies();
  std::string client_of(http::Responder& responder) const;
  Backend backend() { return {runtime_, cache_, store_, tidegate_}; }

  net::Runtime& runtime_;
  const Settings settings_;
  const ServiceLimits limits_;
  Metrics metrics_;
  CountedCache cache_;
  CountedStore store_;
  MemoryBudget budget_;
  SharedReservations reservations_{budget_};
  TidegateClient tidegate_;
  Flights flights_;
  DependencyWatch watch_;
  bool is_draining_ = false;
  http::Server server_;  // destroyed first: its handlers use the rest
};

}  // namespace tidegate::api
