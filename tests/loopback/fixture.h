// A whole Tidegate in this process, on real sockets and a real job store, between raw clients and a scripted upstream.
// It is built as in proxy/cli/process.cc, but on one event loop, which the test runs.
#pragma once

#include <doctest/doctest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "admin/admin_service.h"
#include "core/gateway.h"
#include "core/listeners.h"
#include "core/replay/replaying.h"
#include "loopback/upstream.h"
#include "metrics/metrics.h"
#include "net/uv/lookup_threads.h"
#include "net/uv/uv_runtime.h"
#include "support/certificates.h"
#include "support/config_builder.h"
#include "support/tls_contexts.h"
#include "unit/http/raw_client.h"

namespace tidegate::loopback {

// A response as the client received it.
struct Reply {
  uint16_t status = 0;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
  bool whole = false;
  // The first value of that name (lower case), or "".
  std::string field(std::string_view name) const;
  size_t count(std::string_view name) const;
  nlohmann::json json() const { return nlohmann::json::parse(body); }
};

// Removes one response from the front of `bytes`; not `whole` if it is incomplete. `to_head`: the response to a HEAD.
Reply take_reply(std::string* bytes, bool to_head = false, bool ended = false);

std::string get(std::string_view target, std::string_view fields = "");
std::string post(std::string_view target, std::string_view body, std::string_view fields = "");

// Many routes, one for each way a request can end, with short timeouts.
test::ConfigBuilder usual_config();

class Fixture {
 public:
  // `yaml`: a configuration in which {UP}, {SECOND} and {RAW} are replaced by the URLs of the upstreams, {TLS} by that
  // of the one that speaks TLS, {MTLS} by that of one that also requires a certificate of the same authority, {UP_PORT}
  // and {RAW_PORT} by ports, {DIR} by the temporary folder of the test. {CA} is the authority of the test program,
  // {CERT} and {KEY} are a certificate of it for 127.0.0.1. `lookup`: what names are looked up with.
  explicit Fixture(std::string yaml = usual_config(), net::LookupThreads::Lookup lookup = net::look_up_blocking);
  ~Fixture();

  SocketAddress address() const { return listeners_->address(0); }
  // Runs the event loop until `ready`; fails the test if that takes too long.
  void until(const char* what, const std::function<bool()>& ready);

  std::unique_ptr<test::RawClient> client(std::string first = "") {
    return std::make_unique<test::RawClient>(runtime, address(), std::move(first));
  }
  // Over TLS, trusting the authority of the test program; `config` says all else.
  std::unique_ptr<test::RawClient> tls_client(std::string first, net::TlsClientConfig config = {});
  // Sends one request on its own connection and waits for the response.
  Reply ask(const std::string& request, const char* what = "a response");
  Reply admin(const std::string& target) { return ask_admin(get(target)); }
  Reply ask_admin(const std::string& request);
  SocketAddress admin_address() const { return admin_->address(); }
  // The status of a job.
  std::string status_of(const std::string& id);
  // Runs the event loop until the job has that status.
  void until_status(const std::string& id, const std::string& status);
  // As if others' calls of every upstream succeeded all the time: each failed attempt of a job counts.
  void let_others_succeed();
  // Waits for the next whole response on that connection.
  Reply next(test::RawClient& client, bool to_head = false);

  // The sum of the samples in /metrics that have this name and contain all `labels`.
  double metric(const std::string& name, const std::vector<std::string>& labels = {});
  // The lines of the access log with that outcome.
  std::vector<nlohmann::json> logged(const std::string& outcome) const;

  // Like a kill and a start: nothing is drained, listeners get new ports, metrics start at 0.
  void restart();
  void start_replaying() { replaying_->start(); }
  // As proxy/cli/reloader.cc does it; `yaml` as for the constructor.
  Status try_reload(const std::string& yaml);
  void reload(const std::string& yaml) { REQUIRE(try_reload(yaml).ok()); }
  const std::filesystem::path& folder() const { return folder_; }
  core::Gateway& gateway() { return *gateway_; }
  core::Worker& worker() { return *worker_; }
  core::Listeners& listeners() { return *listeners_; }
  jobs::JobQueue& queue() { return *gateway_->policies().queues().at("jobs").queue; }
  void close_queue();

  net::LookupThreads lookups;
  net::UvRuntime runtime{11, lookups};
  Upstream upstream{runtime};
  Upstream second{runtime};
  Upstream secure{runtime, test::server_context(test::Authority::server_of_program())};
  Upstream strict{runtime,
                  test::server_context(test::Authority::server_of_program(), test::Authority::of_program().ca_file())};
  RawUpstream raw{runtime};
  std::vector<std::string> log;

 private:
  void start();
  std::shared_ptr<const config::Config> load(std::string yaml) const;

  std::filesystem::path folder_;
  std::shared_ptr<const config::Config> config_;
  std::unique_ptr<metrics::Metrics> metrics_;
  std::unique_ptr<core::Gateway> gateway_;
  std::unique_ptr<core::Worker> worker_;
  std::unique_ptr<core::Listeners> listeners_;
  std::unique_ptr<core::Replaying> replaying_;
  std::unique_ptr<admin::AdminService> admin_;
};

}  // namespace tidegate::loopback
