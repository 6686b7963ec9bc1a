// A whole Tidegate in this process, on real sockets and a real job store, with a scripted upstream before it and raw
// clients behind it: put together as proxy/cli/process.cc does, but on one loop, which the test turns.
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
#include "net/uv/uv_runtime.h"
#include "unit/http/raw_client.h"

namespace tidegate::loopback {

// An answer as the client read it.
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

// Takes one answer off the front of `bytes`; not whole if there is none yet. `to_head`: the answer to a HEAD.
Reply take_reply(std::string* bytes, bool to_head = false, bool ended = false);

std::string get(std::string_view target, std::string_view fields = "");
std::string post(std::string_view target, std::string_view body, std::string_view fields = "");

class Bed {
 public:
  // `yaml`: a whole configuration, in which {UP}, {RAW} and {DIR} stand for the upstreams' ports and a folder of the
  // test's own. Default: usual_config().
  explicit Bed(std::string yaml = "");
  ~Bed();

  SocketAddress address() const { return listeners_->address(0); }
  // Turns the loop until `ready`; fails the test where that never comes.
  void until(const char* what, const std::function<bool()>& ready);

  std::unique_ptr<test::RawClient> client(std::string first = "") {
    return std::make_unique<test::RawClient>(runtime, address(), std::move(first));
  }
  // One request on a connection of its own.
  Reply ask(const std::string& request, const char* what = "an answer");
  Reply admin(const std::string& target) { return ask_admin(get(target)); }
  Reply ask_admin(const std::string& request);
  // The next whole answer on that connection.
  Reply next(test::RawClient& client, bool to_head = false);

  // A sample of /metrics: the sum of those whose line begins with the name and has every one of `labels`.
  double metric(const std::string& name, const std::vector<std::string>& labels = {});
  // The access log's lines with that outcome.
  std::vector<nlohmann::json> logged(const std::string& outcome) const;

  // As kill and start: nothing drains. The listeners have new ports, the metrics begin at 0.
  void restart();
  void start_replaying() { replaying_->start(); }
  const std::filesystem::path& folder() const { return folder_; }
  core::Gateway& gateway() { return *gateway_; }
  core::Worker& worker() { return *worker_; }
  core::Listeners& listeners() { return *listeners_; }
  jobs::JobQueue& queue() { return *gateway_->policies().queues().at("jobs").queue; }
  void close_queue();

  net::UvRuntime runtime{11};
  Upstream upstream{runtime};
  RawUpstream raw{runtime};
  std::vector<std::string> log;

 private:
  void start();

  std::filesystem::path folder_;
  std::shared_ptr<const config::Config> config_;
  std::unique_ptr<metrics::Metrics> metrics_;
  std::unique_ptr<core::Gateway> gateway_;
  std::unique_ptr<core::Worker> worker_;
  std::unique_ptr<core::Listeners> listeners_;
  std::unique_ptr<core::Replaying> replaying_;
  std::unique_ptr<admin::AdminService> admin_;
};

// Many routes, one for each way a request can end; short limits, so that running out of time takes little of it.
std::string usual_config();

}  // namespace tidegate::loopback
