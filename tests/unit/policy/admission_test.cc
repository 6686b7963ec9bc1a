// The order of admission, and where live requests and replayed jobs differ.
#include "policy/admission.h"

#include <doctest/doctest.h>

#include "unit/policy/plan_fixture.h"

namespace tidegate::policy {

namespace {

constexpr Caller kCallers[] = {Caller::live_request, Caller::replayed_job};

std::string word(const Admission& admission) {
  struct Visitor {
    std::string operator()(const Admitted&) const { return "admitted"; }
    std::string operator()(const BreakerRefusal&) const { return "refused"; }
    std::string operator()(const NoSlot&) const { return "no slot"; }
  };
  return std::visit(Visitor{}, admission);
}

class WaitingJob final : public ProbeSource {
 public:
  bool wants_probe() const override { return true; }
};

}  // namespace

TEST_CASE("without breaker and bulkhead every call is admitted, and holds nothing") {
  for (const Caller caller : kCallers) {
    const Admission admission = admit({}, caller, kStart);
    REQUIRE(word(admission) == "admitted");
    CHECK_FALSE(std::get<Admitted>(admission).slot.valid());
    CHECK_FALSE(std::get<Admitted>(admission).permit.valid());
  }
}

TEST_CASE("an admitted call holds slot and permit, and gives both back when it is dropped") {
  for (const Caller caller : kCallers) {
    const RoutePolicy policy = with_everything();
    {
      const Admission admission = admit(policy, caller, kStart);
      REQUIRE(word(admission) == "admitted");
      CHECK(std::get<Admitted>(admission).permit.valid());
      CHECK(policy.bulkhead->view().in_use == 1);
      CHECK(word(admit(policy, caller, kStart)) == "no slot");
    }
    CHECK(policy.bulkhead->view().in_use == 0);
  }
}

TEST_CASE("an open breaker is found before a slot is taken, and only a live request's refusal is counted") {
  for (const Caller caller : kCallers) {
    const RoutePolicy policy = with_everything();
    const auto held = policy.bulkhead->acquire();
    open(*policy.breaker, kStart);
    CHECK(word(admit(policy, caller, kStart)) == "refused");
    CHECK(policy.breaker->view(kStart).not_permitted == (caller == Caller::live_request ? 1 : 0));
  }
}

TEST_CASE("a breaker that opened while a slot was waited for refuses, and the slot is given back") {
  const RoutePolicy policy = with_everything();
  auto slot = policy.bulkhead->acquire();
  open(*policy.breaker, kStart);
  CHECK(word(admit_with_slot(policy, std::move(*slot), kStart)) == "refused");
  CHECK(policy.bulkhead->view().in_use == 0);
}

TEST_CASE("a job takes no slot that a live request waits for") {
  struct Waiter final : SlotWaiter {
    ~Waiter() override { leave(); }
    void granted() override {}
  };
  const RoutePolicy policy = with_everything();
  auto held = policy.bulkhead->acquire();
  Waiter waiter;
  REQUIRE(policy.bulkhead->wait(waiter));
  held.reset();
  CHECK(word(admit(policy, Caller::replayed_job, kStart)) == "no slot");
  waiter.take().reset();
  CHECK(word(admit(policy, Caller::replayed_job, kStart)) == "admitted");
}

TEST_CASE("a due probe is left to a waiting job for two seconds, then a live request makes it") {
  const WaitingJob job;
  RoutePolicy policy = with_everything();
  policy.probes = &job;
  BreakerConfig without_jitter;
  without_jitter.open_for_max = without_jitter.open_for;
  policy.breaker = std::make_shared<Breaker>("b", without_jitter, kStart, 1);
  open(*policy.breaker, kStart);
  const Time due = kStart + 30s + 1ms;  // open until then
  const Admission refused = admit(policy, Caller::live_request, due);
  REQUIRE(word(refused) == "refused");
  CHECK(std::get<BreakerRefusal>(refused).retry_after == 1s);
  { CHECK(word(admit(policy, Caller::replayed_job, due)) == "admitted"); }
  CHECK(word(admit(policy, Caller::live_request, due + 1900ms)) == "refused");
  CHECK(word(admit(policy, Caller::live_request, due + 2s)) == "admitted");
}

TEST_CASE("an upstream has succeeded since a time if a response that would be a result has come after it") {
  const Time start{100s};
  const struct {
    AttemptResult result;
    uint16_t status;
    bool success;
  } cases[] = {
      {AttemptResult::response, 200, true},       {AttemptResult::response, 302, true},
      {AttemptResult::response, 404, true},       {AttemptResult::response, 408, false},
      {AttemptResult::response, 425, false},      {AttemptResult::response, 429, false},
      {AttemptResult::response, 500, false},      {AttemptResult::response, 503, false},
      {AttemptResult::connect_failure, 0, false}, {AttemptResult::timeout, 0, false},
      {AttemptResult::reset, 200, false},         {AttemptResult::bad_response, 0, false},
  };
  for (const auto& c : cases) {
    CAPTURE(c.status);
    UpstreamHealth health;
    CHECK(!health.succeeded_since(Time::min()));
    health.note(c.result, c.status, start);
    CHECK(health.succeeded_since(start - 1s) == c.success);
    CHECK(!health.succeeded_since(start));
    CHECK(!health.succeeded_since(start + 1s));
  }
}

TEST_CASE("a failure does not undo a success") {
  UpstreamHealth health;
  health.note(AttemptResult::response, 200, Time(100s));
  health.note(AttemptResult::response, 503, Time(101s));
  CHECK(health.succeeded_since(Time(99s)));
}

}  // namespace tidegate::policy
