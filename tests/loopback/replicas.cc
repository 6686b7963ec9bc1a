#include "loopback/replicas.h"

#include <algorithm>

#include "admin/gauges.h"
#include "base/log.h"
#include "loopback/fixture.h"

namespace tidegate::loopback {

namespace {

constexpr Duration kPatience = 60s;

}  // namespace

Replicas::Replicas(int count, const std::string& rate_limit, const std::string& more) {
  log_configure(LogLevel::info, LogFormat::json);
  log_set_sink([this](LogLevel, std::string_view line) { log.emplace_back(line); });
  const auto config = test::load_config(
      test::ConfigBuilder()
          .upstream("up", "endpoints: [\"http://127.0.0.1:" + std::to_string(upstream_.port()) + "\"]")
          .route("shared", "match: {path: /*}, upstream: up, rate_limit: {" + rate_limit + "}" + more));
  for (int i = 0; i < count; ++i) {
    Replica& replica = replicas_.emplace_back();
    replica.metrics = metrics::Metrics::make(*config, "9.9.9", "loopback");
    // Each has its own hash key, as separate processes have.
    replica.gateway = std::make_unique<core::Gateway>(runtime, config, *replica.metrics, core::Policies::QueueStores{},
                                                      static_cast<uint64_t>(5 + i));
    replica.worker = std::make_unique<core::Worker>(runtime, *replica.gateway);
    replica.listeners = std::make_unique<core::Listeners>(*replica.worker);
    REQUIRE(replica.listeners->listen().ok());
  }
}

Replicas::~Replicas() {
  callers_.clear();
  for (Replica& replica : replicas_) {
    replica.listeners.reset();
    replica.worker.reset();
    replica.gateway.reset();
  }
  log_set_sink({});
}

void Replicas::until(const char* what, const std::function<bool()>& ready) {
  net::Timer tick(runtime, [] {});
  const Time give_up = runtime.now() + kPatience;
  while (!ready()) {
    if (runtime.now() > give_up) FAIL("timed out: " << what);
    if (!tick.active()) tick.start_after(50ms);
    runtime.run_once();
    for (Caller& caller : callers_) take_responses(caller);
  }
}

void Replicas::until_store_is(bool usable) {
  until("the stores' state", [&] {
    return std::all_of(replicas_.begin(), replicas_.end(), [&](const Replica& replica) {
      return replica.worker->rate_store(*replica.gateway->table()->rate_stores().at(0)).usable() == usable;
    });
  });
}

void Replicas::load(int connections) {
  for (Replica& replica : replicas_) {
    for (int i = 0; i < connections; ++i) {
      const SocketAddress to = replica.listeners->address(0);
      callers_.push_back({to, std::make_unique<test::RawClient>(runtime, to, get("/"))});
    }
  }
}

void Replicas::take_responses(Caller& caller) {
  if (caller.client->over()) {
    ++responses[0];
    caller.client = std::make_unique<test::RawClient>(runtime, caller.to, get("/"));
  }
  const Reply reply = take_reply(&caller.client->received);
  if (!reply.whole) return;
  ++responses[reply.status];
  caller.client->send(get("/"));
}

std::string Replicas::ask(size_t index) {
  test::RawClient asker(runtime, replicas_.at(index).listeners->address(0), get("/"));
  until("a response", [&] {
    std::string copy = asker.received;
    return take_reply(&copy).whole || asker.over();
  });
  return asker.received;
}

uint64_t Replicas::responses_total() const {
  uint64_t sum = 0;
  for (const auto& [status, count] : responses) sum += count;
  return sum;
}

std::string Replicas::metrics(size_t index) {
  admin::set_gauges(*replicas_.at(index).gateway, runtime);
  return replicas_.at(index).metrics->render();
}

size_t Replicas::logged(const std::string& event) const {
  return static_cast<size_t>(std::count_if(log.begin(), log.end(), [&](const std::string& line) {
    return line.find("\"" + event + "\"") != std::string::npos;
  }));
}

AdmissionLog::AdmissionLog(net::Runtime& runtime, const redis::Address& address, std::string key, Duration every)
    : client_(runtime, address), key_(std::move(key)), every_(every), timer_(runtime, [this] { look(); }) {
  timer_.start_after(every_);
}

void AdmissionLog::look() {
  looking_ = client_.ask({"ZRANGE", key_, "0", "-1", "WITHSCORES"}, [this](const Result<redis::Reply>& reply) {
    if (!reply.ok()) return;
    for (size_t i = 0; i + 1 < reply->items.size(); i += 2)
      admitted_[reply->items[i].text] = std::stoll(reply->items[i + 1].text);
  });
  timer_.start_after(every_);
}

size_t AdmissionLog::most_in_any(Duration window) const {
  const int64_t length = std::chrono::duration_cast<std::chrono::microseconds>(window).count();
  std::vector<int64_t> times;
  for (const auto& [member, at] : admitted_) times.push_back(at);
  std::sort(times.begin(), times.end());
  size_t most = 0;
  for (size_t first = 0, end = 0; first < times.size(); ++first) {
    while (end < times.size() && times[end] < times[first] + length) ++end;
    most = std::max(most, end - first);
  }
  return most;
}

}  // namespace tidegate::loopback
