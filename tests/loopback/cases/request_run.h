// One request case on its way through a gateway, and what must hold of it.
//
//   connecting ──▶ sending ──▶ (awaiting_continue ──▶ sending_body) ──▶ ending ──▶ over
//                     └──────────── the gateway ends the connection ──────▲
//
// What follows a case on its connection is one more request: its response must be the last, and its own.
#pragma once

#include <string>
#include <vector>

#include "loopback/cases/case_client.h"
#include "loopback/cases/lanes.h"

namespace tidegate::loopback {

// An expectation besides those of the cases: refused, or served.
inline constexpr const char* kAnyVerdict = "any";
// A mode besides those of the cases, for bytes that may hold any number of requests, or half of one.
inline constexpr const char* kEofAfterResponse = "eof after a response";

class RequestRun final : public Run {
 public:
  // `verdict`, if any, gets what the client and the upstream have seen, to be compared with that of other ways.
  RequestRun(Lane& lane, const test::RequestCase& one, Cuts cuts, std::string* verdict);

  bool is_over_after_step() override;
  std::string judge() override;

 private:
  enum class State { connecting, sending, awaiting_continue, sending_body, ending };

  void advance();
  void end_after_response();
  void follow_up();
  void collect();
  void judge_reject();
  void judge_accept();
  void judge_responses();
  void judge_upstream_bytes();

  Lane& lane_;
  const test::RequestCase& case_;
  const Cuts cuts_;
  std::string* const verdict_;
  CaseClient client_;
  State state_ = State::connecting;
  int iterations_ = 0;  // without a response

  // Collected for the judgement; the follow-up is counted apart.
  std::vector<const StrictMessage*> responses_;  // final ones
  std::vector<std::string> asked_;               // METHOD TARGET of the complete requests at the upstream
  std::string upstream_bytes_, upstream_bodies_;
  bool followed_up_ = false;
};

// The case sent on a lane of that road in this way. The case, and the verdict if any, outlive it.
Task request_task(const test::RequestCase& one, Road road, const std::string& way, Cuts cuts,
                  std::string* verdict = nullptr);

}  // namespace tidegate::loopback
