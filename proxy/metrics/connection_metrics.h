// What is counted of connections: upstreams', and clients' on a listener. Private to metrics/.
#pragma once

#include <array>
#include <initializer_list>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "base/assert.h"

#include "metrics/families.h"
#include "metrics/metrics.h"

namespace tidegate::metrics {

// By those reasons that there are, at 0.
class RefusalCounters {
 public:
  RefusalCounters(CounterFamily& family, const std::string& label, const std::string& name,
                  std::initializer_list<net::ConnectionRefusal> reasons) {
    for (const net::ConnectionRefusal why : reasons) {
      counters_[static_cast<size_t>(why)] = &family.Add({{label, name}, {"reason", to_string(why)}});
    }
  }
  void count(net::ConnectionRefusal why) {
    TG_ASSERT(counters_[static_cast<size_t>(why)]);
    counters_[static_cast<size_t>(why)]->Increment();
  }

 private:
  std::array<prometheus::Counter*, net::kConnectionRefusals> counters_{};
};

class ListenerMetricsImpl final : public ListenerMetrics {
 public:
  ListenerMetricsImpl(Families& families, const std::string& listener)
      : refused_(families.listener_refused, "listener", listener,
                 {net::ConnectionRefusal::limit, net::ConnectionRefusal::descriptors}),
        complete_(families.listener_tls_handshakes.Add({{"listener", listener}, {"result", "complete"}})),
        failed_(families.listener_tls_handshakes.Add({{"listener", listener}, {"result", "failed"}})) {}
  void connection_refused(net::ConnectionRefusal why) override { refused_.count(why); }
  void tls_handshake(bool complete) override { (complete ? complete_ : failed_).Increment(); }

 private:
  RefusalCounters refused_;
  prometheus::Counter& complete_;
  prometheus::Counter& failed_;
};

class EndpointMetricsImpl final : public EndpointMetrics {
 public:
  EndpointMetricsImpl(Families& families, const std::string& upstream, const std::string& endpoint)
      : ejections_(families.upstream_ejections.Add({{"upstream", upstream}, {"endpoint", endpoint}})) {
    for (const auto& [result, word] : {std::pair{CheckResult::success, "success"},
                                       {CheckResult::failure, "failure"},
                                       {CheckResult::not_made, "not_made"}}) {
      checks_[static_cast<size_t>(result)] =
          &families.upstream_checks.Add({{"upstream", upstream}, {"endpoint", endpoint}, {"result", word}});
    }
  }

  void checked(CheckResult result) override { checks_[static_cast<size_t>(result)]->Increment(); }
  void ejected() override { ejections_.Increment(); }

 private:
  std::array<prometheus::Counter*, 3> checks_{};
  prometheus::Counter& ejections_;
};

class UpstreamMetricsImpl final : public UpstreamMetrics {
 public:
  UpstreamMetricsImpl(Families& families, const std::string& upstream)
      : families_(families),
        upstream_(upstream),
        done_(families.retries.Add({{"upstream", upstream}, {"result", "done"}})),
        exhausted_(families.retries.Add({{"upstream", upstream}, {"result", "budget_exhausted"}})),
        idle_(families.upstream_connections.Add({{"upstream", upstream}, {"state", "idle"}})),
        busy_(families.upstream_connections.Add({{"upstream", upstream}, {"state", "busy"}})),
        refused_(families.upstream_refused, "upstream", upstream,
                 {net::ConnectionRefusal::limit, net::ConnectionRefusal::descriptors, net::ConnectionRefusal::ports,
                  net::ConnectionRefusal::tls_files}),
        found_(families.upstream_lookups.Add({{"upstream", upstream}, {"result", "found"}})),
        not_found_(families.upstream_lookups.Add({{"upstream", upstream}, {"result", "failed"}})) {
    for (int i = 0; i < kResults; ++i) {
      const char* word = i + 1 == kResults ? "cancelled" : to_string(static_cast<policy::AttemptResult>(i));
      attempts_[i] =
          &families.upstream_request_duration.Add({{"upstream", upstream}, {"result", word}}, request_buckets());
    }
  }

  void attempt_ended(policy::AttemptResult result, Duration took) override {
    attempts_[static_cast<int>(result)]->Observe(to_seconds(took));
  }
  void attempt_cancelled(Duration took) override { attempts_[kResults - 1]->Observe(to_seconds(took)); }
  void retry(bool allowed_by_budget) override { (allowed_by_budget ? done_ : exhausted_).Increment(); }
  void connections_changed(int idle, int busy) override {
    idle_.Increment(idle);
    busy_.Increment(busy);
  }
  void connection_refused(net::ConnectionRefusal why) override { refused_.count(why); }
  void looked_up(bool found) override { (found ? found_ : not_found_).Increment(); }
  EndpointMetrics& endpoint(const std::string& endpoint) override {
    const std::lock_guard lock(mutex_);
    return endpoints_.try_emplace(endpoint, families_, upstream_, endpoint).first->second;
  }

 private:
  static constexpr int kResults = 6;
  Families& families_;
  const std::string upstream_;
  std::mutex mutex_;
  std::map<std::string, EndpointMetricsImpl> endpoints_;
  prometheus::Histogram* attempts_[kResults];
  prometheus::Counter& done_;
  prometheus::Counter& exhausted_;
  prometheus::Gauge& idle_;
  prometheus::Gauge& busy_;
  RefusalCounters refused_;
  prometheus::Counter& found_;
  prometheus::Counter& not_found_;
};

}  // namespace tidegate::metrics
