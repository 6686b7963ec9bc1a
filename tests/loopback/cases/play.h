// One performance of a script on a connection. Sleeps and gaps are the script's own; all else goes as fast as the
// gateway reads.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "loopback/cases/piece_sender.h"
#include "loopback/cases/strict_reader.h"
#include "net/runtime.h"
#include "net/timer.h"
#include "unit/http/parser/cases.h"

namespace tidegate::loopback {

using StepKind = test::UpstreamStep::Kind;

struct Script {
  std::vector<test::UpstreamStep> steps;
  Cuts cuts;  // of all that it sends

  // It does not wait for a request.
  bool begins_at_once() const;
};

class Play {
 public:
  Play(net::Runtime& runtime, Script script) : script_(std::move(script)), waiting_(runtime, [] {}) {}

  // Called once after each iteration of the event loop, until is_done(). Closes the stream where the script says so.
  void step(std::unique_ptr<net::Stream>& stream, bool is_request_complete);
  bool is_done() const { return at_ == script_.steps.size(); }
  bool wants_client_to_abort() const { return wants_client_to_abort_; }

 private:
  void begin(const test::UpstreamStep& step);
  bool go_on(const test::UpstreamStep& step, std::unique_ptr<net::Stream>& stream, bool is_request_complete);
  bool send(net::Stream& stream);
  bool send_paced(net::Stream& stream);

  const Script script_;
  size_t at_ = 0;           // the step
  bool has_begun_ = false;  // that step has
  net::Timer waiting_;
  size_t sent_ = 0;  // by the steps before
  std::optional<PieceSender> sender_;
  std::string paced_;  // what is left of a send that takes its time
  size_t paced_piece_ = 0;
  Duration gap_{};  // between its pieces
  bool wants_client_to_abort_ = false;
};

}  // namespace tidegate::loopback
