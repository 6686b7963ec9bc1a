// Jobs and live requests of one route, for the tests of what they do to each other.
#pragma once

#include <string>
#include <vector>

#include "unit/jobs/replay/replay_fixture.h"

namespace tidegate::jobs {

// Live requests of the same route, one `every` so often, while it exists. They succeed unless the upstream is `down`.
class LiveTraffic final : policy::ProbeSource {
 public:
  explicit LiveTraffic(Fixture& fixture) : fixture_(fixture), timer_(fixture.bed.home(), [this] { call(); }) { call(); }

  Duration every = std::chrono::milliseconds(100);
  bool down = false;
  int served = 0;
  int refused = 0;
  int probes = 0;

 private:
  bool wants_probe() const override { return fixture_.replayer && fixture_.replayer->wants_probe(); }
  void call() {
    policy::RoutePolicy policy = fixture_.runner.policies["optimize"];
    policy.probes = this;
    const Time now = fixture_.bed.home().now();
    policy::Admission admission = policy::admit(policy, policy::Caller::live_request, now);
    if (auto* admitted = std::get_if<policy::Admitted>(&admission)) {
      ++served;
      policy::UpstreamCall call(policy, std::move(*admitted), now);
      if (call.is_probing()) ++probes;
      call.on_headers(down ? 503 : 200, Duration::zero(), now);
      call.on_complete(now);
    } else {
      ++refused;
    }
    timer_.start_after(every);
  }

  Fixture& fixture_;
  net::Timer timer_;
};

inline std::vector<std::string> append_some(Fixture& fixture, int count, Duration lifetime = std::chrono::hours(24)) {
  std::vector<std::string> ids;
  for (int i = 0; i < count; ++i) {
    JobDraft draft = make_draft(fixture.bed.home());
    draft.max_attempts = 5;
    draft.expires_at = draft.created_at + lifetime;
    REQUIRE(fixture.asker.append(draft).ok());
    ids.push_back(draft.id);
  }
  return ids;
}

}  // namespace tidegate::jobs
