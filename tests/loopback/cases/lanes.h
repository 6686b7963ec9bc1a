// One gateway, and many lanes through it: a listener and an upstream each, so that what arrives at the upstream is
// known to come from what was sent. Many runs at once, one a lane.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "loopback/cases/scripted_upstream.h"
#include "loopback/fixture.h"
#include "support/swallower.h"

namespace tidegate::loopback {

// What is configured for a lane.
enum class Road {
  usual,
  streaming,  // no buffering
  hasty,      // short time-outs
  impatient,  // waits for response headers for a shorter time than interim responses may take
  limited,    // /t is over its rate limit once it has been asked for
  down,       // /t falls back to the queue, /t2 fails, all else passes
  narrow,     // as mixed, but limits.body and the queue's max_body are 64KiB
  mixed,      // /t falls back to the queue, all else passes
  small,      // limits.body is 1MiB
  refused,    // the upstream of /case refuses connections
  blackhole,  // that of /case does not respond to a SYN
  tls,        // on both sides
};

struct Lane {
  Lane(net::Runtime& runtime, std::shared_ptr<net::TlsContext> tls) : upstream(runtime, std::move(tls)) {}
  ScriptedUpstream upstream;
  test::RawClient::Connect connect;
};

// What is sent to follow a case on its connection, or on another.
inline constexpr std::string_view kFollowUp = "GET /after HTTP/1.1\r\nHost: example.test\r\nConnection: close\r\n\r\n";
inline constexpr std::string_view kFollowUpEcho = "GET /after";

// One case, sent in one way.
class Run {
 public:
  virtual ~Run() = default;
  // Called once after each iteration of the event loop, until it is over.
  virtual bool is_over_after_step() = 0;
  // What went wrong; "": nothing. REQUIRES that it is over, or was given up.
  virtual std::string judge() = 0;

 protected:
  void expect(bool holds, const std::string& otherwise) {
    if (!holds) problems_ += otherwise + "; ";
  }
  const std::string& problems() const { return problems_; }

 private:
  std::string problems_;
};

struct Task {
  Road road;
  std::string name;  // of the case, and how it is sent
  std::function<std::unique_ptr<Run>(Lane&)> begin;
};

class Lanes {
 public:
  // So many lanes of each.
  explicit Lanes(const std::map<Road, size_t>& roads);

  // Runs all of them; fails the test for what goes wrong, and for what the gateway does not let go of afterwards.
  void run(std::vector<Task> tasks);
  Fixture& fixture() { return fixture_; }

 private:
  struct Traffic;
  struct Car;

  std::string config(const std::map<Road, size_t>& roads) const;
  void check_at_rest();
  bool drive(Traffic& traffic, Car& car, std::vector<std::string>& wrong);

  Fixture fixture_;
  test::Swallower blackhole_;
  std::map<Road, std::vector<std::unique_ptr<Lane>>> lanes_;
};

}  // namespace tidegate::loopback
