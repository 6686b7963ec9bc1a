#include "loopback/cases/request_run.h"

#include <algorithm>
#include <utility>

namespace tidegate::loopback {

namespace {

constexpr const char* kBodyAfterContinue = "hello";
constexpr int kIterationsToRespond = 50;  // most connect to the upstream, which takes some

bool is_http_10(const std::string& raw) { return raw.substr(0, raw.find("\r\n")).ends_with("HTTP/1.0"); }

bool has(const std::string& bytes, const std::string& part) { return bytes.find(part) != std::string::npos; }

std::string joined(const std::vector<std::string>& list) {
  std::string all = "[";
  for (const std::string& each : list) all += (all.size() > 1 ? ", " : "") + each;
  return all + "]";
}

std::vector<std::string> sorted(std::vector<std::string> list) {
  std::sort(list.begin(), list.end());
  return list;
}

}  // namespace

RequestRun::RequestRun(Lane& lane, const test::RequestCase& one, Cuts cuts, std::string* verdict)
    : lane_(lane),
      case_(one),
      cuts_(std::move(cuts)),
      verdict_(verdict),
      client_(lane.connect, one.raw.starts_with("HEAD ")) {
  lane_.upstream.forget();
  lane_.upstream.play({});
}

bool RequestRun::is_over_after_step() {
  client_.step();
  if (client_.is_over()) state_ = State::ending;
  if (state_ != State::ending && client_.is_ready()) advance();
  return client_.is_over() && lane_.upstream.is_quiet();
}

void RequestRun::advance() {
  switch (state_) {
    case State::connecting:
      client_.send(case_.raw, cuts_);
      state_ = State::sending;
      return;
    case State::sending:
      if (case_.mode == "normal") return follow_up();
      if (case_.mode == "eof") client_.end();
      if (case_.mode == kEofAfterResponse) return end_after_response();
      state_ = case_.mode == "expect-100" ? State::awaiting_continue : State::ending;
      return;
    case State::awaiting_continue:
      if (client_.received().complete() == 0) return;
      client_.send(kBodyAfterContinue);
      state_ = State::sending_body;
      return;
    case State::sending_body: return follow_up();
    case State::ending: return;
  }
}

// To HTTP/1.1, a client that ends its side has gone: it must wait for a response first, if there is to be one.
void RequestRun::end_after_response() {
  if (!client_.has_final_response() && ++iterations_ < kIterationsToRespond) return;
  client_.end();
  state_ = State::ending;
}

void RequestRun::follow_up() {
  client_.send(std::string(kFollowUp));
  state_ = State::ending;
}

std::string RequestRun::judge() {
  collect();
  judge_upstream_bytes();
  judge_responses();
  if (case_.expect == "reject") judge_reject();
  if (case_.expect.starts_with("accept")) judge_accept();
  if (verdict_) {
    for (const StrictMessage* each : responses_) *verdict_ += each->start_line + " " + each->field(kEchoField) + "\n";
    for (const std::string& each : asked_) *verdict_ += "at the upstream: " + each + "\n";
    *verdict_ += followed_up_ ? "kept" : "closed";
  }
  return problems();
}

void RequestRun::collect() {
  for (const StrictMessage& each : client_.received().messages()) {
    if (!each.has_headers || !each.is_final()) continue;
    if (each.field(kEchoField) == kFollowUpEcho) {
      followed_up_ = true;
    } else {
      responses_.push_back(&each);
      expect(!followed_up_, "a response after that to the follow-up");
    }
  }
  for (const auto& connection : lane_.upstream.connections()) {
    upstream_bytes_ += connection->received().bytes();
    for (const StrictMessage& each : connection->received().messages()) {
      upstream_bodies_ += each.body;
      const std::string said = each.method() + " " + each.target();
      if (each.is_complete && said != kFollowUpEcho) asked_.push_back(said);
    }
  }
}

void RequestRun::judge_upstream_bytes() {
  for (const auto& connection : lane_.upstream.connections()) {
    expect(connection->received().problem().empty(),
           "not strictly valid at the upstream: " + connection->received().problem());
  }
  expect(asked_.size() <= case_.upstream_max_requests, std::to_string(asked_.size()) + " requests at the upstream");
  for (const std::string& said : asked_) {
    const bool is_forbidden = !case_.forbidden_request.empty() && said.ends_with(" " + case_.forbidden_request);
    expect(!is_forbidden, "the upstream was asked for " + said);
  }
  for (const std::string& bytes : case_.forbidden) expect(!has(upstream_bytes_, bytes), "the upstream got " + bytes);
}

void RequestRun::judge_responses() {
  const StrictReader& received = client_.received();
  expect(received.problem().empty(), "not a strictly valid response: " + received.problem());
  expect(received.is_between(), "a response is not complete: " + received.bytes());
  expect(!is_http_10(case_.raw) || received.complete() == responses_.size() + (followed_up_ ? 1 : 0),
         "an interim response to HTTP/1.0");
  // Each echo is of a request at the upstream, in the order of those on one connection.
  std::vector<std::string> echoes;
  for (const StrictMessage* each : responses_) {
    const std::string echo = each->field(kEchoField);
    if (!echo.empty()) echoes.push_back(echo);
    expect(echo.empty() || echo.starts_with("HEAD ") || each->body == echo, "not its body: " + each->body);
  }
  const bool is_one_connection = lane_.upstream.connections().size() == 1;
  const bool has_left = case_.mode == kEofAfterResponse && echoes.empty();
  const bool match = has_left || (is_one_connection ? echoes == asked_ : sorted(echoes) == sorted(asked_));
  expect(match, "the responses are " + joined(echoes) + ", the requests at the upstream " + joined(asked_) + ": " +
                    received.bytes());
  const bool must_announce = case_.mode == "normal" && !followed_up_ && !received.messages().empty();
  expect(!must_announce || received.messages().back().announces_close(), "closed without announcing it");
  expect(!followed_up_ || !case_.must_close, "the connection was kept");
}

void RequestRun::judge_reject() {
  expect(asked_.empty(), "the upstream got a request");
  if (responses_.empty()) return;
  const int status = responses_[0]->status();
  const auto& allowed = case_.reject_status;
  expect(allowed.empty() || std::find(allowed.begin(), allowed.end(), status) != allowed.end(),
         "rejected with " + std::to_string(status));
  expect(!case_.must_close || responses_.size() == 1, "more than one response");
}

void RequestRun::judge_accept() {
  if (responses_.empty()) return expect(false, "no response");
  expect(responses_[0]->status() / 100 == 2, "responded with " + std::to_string(responses_[0]->status()));
  if (case_.responses) {
    expect(responses_.size() == *case_.responses, std::to_string(responses_.size()) + " responses");
  }
  for (const std::string& bytes : case_.necessary) {
    const bool has_come = has(upstream_bytes_, bytes) || has(upstream_bodies_, bytes);
    expect(has_come, "the upstream did not get " + bytes);
  }
}

Task request_task(const test::RequestCase& one, Road road, const std::string& way, Cuts cuts, std::string* verdict) {
  return {road, one.id + " " + way, [&one, cuts = std::move(cuts), verdict](Lane& lane) {
            return std::make_unique<RequestRun>(lane, one, cuts, verdict);
          }};
}

}  // namespace tidegate::loopback
