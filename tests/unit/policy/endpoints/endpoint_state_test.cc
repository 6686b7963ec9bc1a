#include "policy/endpoints/endpoint_state.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/random.h"

namespace tidegate::policy {

namespace {

// Events by letters: c a connect fails, r it is reached, f a check fails, g a check is good, x a call fails, k a call
// succeeds. A call that is due ejects. Digits are seconds that pass, after which advance() is called.
class Story {
 public:
  explicit Story(const EjectionConfig& ejection = {}) : machine(HealthCheckConfig(), ejection) {}

  // The states that it came to, by their first letter, u for unavailable, U for unhealthy.
  std::string run(std::string_view events) {
    std::string states;
    for (const char event : events) {
      const EndpointState before = machine.view().state;
      const EndpointChange made = act(event);
      CHECK(made.has_value() == (machine.view().state != before));
      if (!made) continue;
      CHECK(made->from == before);
      CHECK(made->to == machine.view().state);
      CHECK_FALSE(made->reason.empty());
      states += made->to == EndpointState::unhealthy ? 'U' : *to_string(made->to);
    }
    return states;
  }

  Time now = Time{} + 12h;
  EndpointMachine machine;

 private:
  EndpointChange act(char event) {
    if (event >= '0' && event <= '9') {
      now += std::chrono::seconds(event - '0');
      return machine.advance(now);
    }
    switch (event) {
      case 'c': return machine.connect_failed("refused", now);
      case 'r': return machine.reached(now);
      case 'f': return machine.check_failed("status 500", now);
      case 'g': return machine.check_succeeded(now);
      case 'k': machine.call_succeeded(); return std::nullopt;
      case 'x': return machine.call_failed("reset", now, now) ? machine.eject(now) : std::nullopt;
    }
    FAIL("no such event");
    return std::nullopt;
  }
};

EjectionConfig ejection_of(int failures, Duration eject_for, Duration eject_for_max) {
  EjectionConfig config;
  config.consecutive_failures = failures;
  config.eject_for = eject_for;
  config.eject_for_max = eject_for_max;
  return config;
}

}  // namespace

TEST_CASE("an endpoint moves as its picture says") {
  struct Row {
    const char* events;
    const char* states;
  };
  for (const Row& row : {
           // unhealthy_after 3, healthy_after 2
           Row{"ff", ""}, Row{"fff", "U"}, Row{"ffgff", ""}, Row{"ffgfff", "U"}, Row{"fffg", "U"}, Row{"fffgg", "Uh"},
           Row{"fffgfg", "U"}, Row{"fffgfgg", "Uh"}, Row{"fffggff", "Uh"}, Row{"fffggfff", "UhU"},
           // connects
           Row{"c", "u"}, Row{"ccc", "u"}, Row{"cr", "uh"}, Row{"r", ""}, Row{"cg", "uh"},  // a check has reached it
           Row{"cfff", "uU"},                                                               // checks say more
           Row{"fffccr", "U"},                                                              // and only they end it
           Row{"cfffgg", "uUh"},
           // consecutive_failures 2, eject_for 4 s
           Row{"x", ""}, Row{"xkx", ""}, Row{"xx", "e"}, Row{"xx3", "e"}, Row{"xx4", "eh"},
           Row{"xxxxxx4", "eh"},  // calls that were on their way add nothing
           Row{"xx4x", "eh"},     // the count begins anew
           Row{"xxgg3", "e"},     // good checks do not end it
           Row{"xxk3", "e"},      // nor a call
           Row{"cxx4", "ueu"},    // nothing shows that it can be reached
           Row{"cxxr4", "ueh"}, Row{"xxc4", "eu"}, Row{"xxfff", "eU"}, Row{"xxfff9", "eU"}, Row{"xxfff9gg", "eUh"},
           Row{"xxfffgg", "eUe"},  // nor all of them, before its time
           Row{"xxfffgg4", "eUeh"}, Row{"xxfff4g9g", "eUh"}, Row{"fffxxx", "U"},
           Row{"fffxggx", "Uh"},  // failures while it was out do not count
       }) {
    CAPTURE(row.events);
    Story story(ejection_of(2, 4s, 60s));
    CHECK(story.run(row.events) == row.states);
  }
}

TEST_CASE("an ejection lasts longer with each one, up to its limit, and shorter again after a time without") {
  Story story(ejection_of(1, 10s, 25s));
  const auto eject = [&] {
    CHECK(story.run("x") == "e");
    const Duration lasts = *story.machine.view().ejected_until - story.now;
    story.now = *story.machine.view().ejected_until;
    CHECK(story.run("0") == "h");
    return lasts;
  };
  CHECK(eject() == 10s);
  CHECK(eject() == 20s);
  CHECK(eject() == 25s);
  for (int i = 0; i < 100; ++i) CHECK(eject() == 25s);  // and its count does not grow for ever
  story.now += 20s;
  CHECK(eject() == 20s);
  story.now += 9s;
  CHECK(eject() == 25s);
  story.now += 1h;
  CHECK(eject() == 10s);
}

TEST_CASE("calls that began before the endpoint was in again say nothing of it") {
  Story story(ejection_of(2, 4s, 60s));
  const Time before = story.now;
  CHECK(story.run("xx4") == "eh");
  for (int i = 0; i < 5; ++i) CHECK_FALSE(story.machine.call_failed("timeout", before, story.now));
  CHECK(story.run("xx") == "e");
  CHECK(story.run("fff9gg") == "Uh");
  for (int i = 0; i < 5; ++i) CHECK_FALSE(story.machine.call_failed("timeout", before, story.now));
}

TEST_CASE("what is shown of an endpoint: since when it is not healthy, and why") {
  Story story(ejection_of(2, 4s, 60s));
  const Time begun = story.now;
  CHECK_FALSE(story.machine.view().since);
  story.run("c1x1x");
  CHECK(story.machine.view().since == begun);  // through both states
  CHECK(story.machine.view().ejected_until == begun + 6s);
  CHECK(story.machine.view().last_failure->at == begun + 2s);
  CHECK(story.machine.view().last_failure->reason == "reset");
  CHECK_FALSE(story.machine.view().last_check);
  story.run("f");
  CHECK(story.machine.view().failed_checks == 1);
  CHECK(story.machine.view().last_check->reason == "status 500");
  story.run("1g");
  CHECK(story.machine.view().failed_checks == 0);
  CHECK(story.machine.view().last_check->at == begun + 3s);
  CHECK(story.machine.view().last_check->reason.empty());
  CHECK(story.machine.view().last_failure->reason == "status 500");
  story.run("4");
  CHECK(story.machine.view().state == EndpointState::healthy);
  CHECK_FALSE(story.machine.view().since);
}

TEST_CASE("whatever happens, only checks end unhealthy, an ejection has an end, and a healthy endpoint no since") {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    Story story(ejection_of(2, 4s, 9s));
    for (int i = 0; i < 300; ++i) {
      const EndpointState before = story.machine.view().state;
      const char event = "crfgxk15"[random.below(8)];
      story.run(std::string_view(&event, 1));
      const EndpointStateView& view = story.machine.view();
      if (before == EndpointState::unhealthy && view.state != before) CHECK(event == 'g');
      CHECK(view.ejected_until.has_value() >= (view.state == EndpointState::ejected));
      if (view.ejected_until) CHECK(is_out(view.state));
      CHECK((!view.ejected_until || *view.ejected_until <= story.now + 9s));
      CHECK(view.since.has_value() == (view.state != EndpointState::healthy));
      CHECK((view.state == EndpointState::unavailable) <= (view.failed_connects > 0));
    }
  }
}

TEST_CASE("an endpoint that is not checked, and is never ejected, is unavailable or healthy") {
  EndpointMachine machine(std::nullopt, std::nullopt);
  for (int i = 0; i < 100; ++i) CHECK_FALSE(machine.call_failed("reset", Time{} + 1s, Time{} + 1s));
  CHECK(machine.connect_failed("refused", Time{} + 1s));
  CHECK(machine.reached(Time{} + 2s));
}

}  // namespace tidegate::policy
