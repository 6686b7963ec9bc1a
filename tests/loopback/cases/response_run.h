// One response case on its way through a gateway, and what must hold of it.
//
//   preparing ──▶ asking ──▶ responding ──the script is over, the client has what it gets──▶ following_up ──▶ over
//
// The follow-up comes on the same connection where that is kept, else on a new one. It must see nothing of the case.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "loopback/cases/case_client.h"
#include "loopback/cases/lanes.h"

namespace tidegate::loopback {

// Which connection to the upstream the request of the case takes.
enum class Takes { new_connection, kept_connection };

// An expectation besides those of the cases: a complete response, or an end of the connection.
inline constexpr const char* kAnyResponse = "any";

class ResponseRun final : public Run {
 public:
  ResponseRun(Lane& lane, const test::ResponseCase& one, Cuts cuts, Takes takes);

  bool is_over_after_step() override;
  std::string judge() override;

 private:
  enum class State { preparing, asking, responding, following_up };

  void prepare();
  void ask();
  void respond();
  void follow_up();
  bool is_played() const;
  bool is_upstream_over() const;
  bool is_client_kept() const;
  void judge_response(const std::vector<const StrictMessage*>& responses);
  void judge_follow_up();
  void judge_upstream();

  Lane& lane_;
  const test::ResponseCase& case_;
  const Cuts cuts_;
  const Takes takes_;
  State state_ = State::preparing;
  int iterations_ = 0;
  std::unique_ptr<CaseClient> warm_up_;
  std::unique_ptr<CaseClient> client_;
  std::unique_ptr<CaseClient> follower_;  // where the client's connection is not kept
  bool is_sent_ = false;                  // by the warm-up, then by the follower
  size_t body_left_ = 0;
};

// The case sent on a lane of that road in this way. The case outlives it.
Task response_task(const test::ResponseCase& one, Road road, const std::string& way, Cuts cuts, Takes takes);

// The upstream cannot even be connected to.
bool is_connection_impossible(const test::ResponseCase& one);
// It ends by a time-out.
bool takes_too_long(const test::UpstreamStep& step);

}  // namespace tidegate::loopback
