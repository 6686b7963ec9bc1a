#include "loopback/cases/response_run.h"

#include <algorithm>
#include <utility>

namespace tidegate::loopback {

namespace {

constexpr size_t kBodyPiece = 16 * 1024;
constexpr int kIterationsToNotice = 4;  // that the upstream has closed a kept connection
constexpr const char* kWarmUp = "GET /before HTTP/1.1\r\nHost: example.test\r\nConnection: close\r\n\r\n";

// A number at the end of `bytes` is not the begin of a longer one.
bool contains(const StrictReader& received, const std::string& bytes) {
  const std::string& all = received.bytes();
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  for (size_t at = all.find(bytes); at != std::string::npos; at = all.find(bytes, at + 1)) {
    const size_t end = at + bytes.size();
    if (end == all.size() || !is_digit(all[end]) || !is_digit(bytes.back())) return true;
  }
  return false;
}

// The status of the first final response in what the upstream sends.
std::string final_status_in(const std::string& raw) {
  for (size_t at = raw.find("HTTP/1."); at != std::string::npos; at = raw.find("HTTP/1.", at + 1)) {
    const std::string status = raw.substr(at + 9, 3);
    if (status >= "200") return status;
  }
  return "";
}

// The final responses but that to the follow-up.
std::vector<const StrictMessage*> final_responses(const StrictReader& received) {
  std::vector<const StrictMessage*> found;
  for (const StrictMessage& each : received.messages()) {
    if (each.has_headers && each.is_final() && each.field(kEchoField) != kFollowUpEcho) found.push_back(&each);
  }
  return found;
}

// An early response to a request that has ended since does no harm to the connection.
bool has_ended_after_all(const UpstreamConnection& connection, const test::ResponseCase& one) {
  const auto& messages = connection.received().messages();
  return one.body_bytes > 0 && !one.ends && !messages.empty() && messages[0].is_complete;
}

bool has_request_for(const UpstreamConnection& connection, std::string_view target) {
  const auto& messages = connection.received().messages();
  return std::any_of(messages.begin(), messages.end(),
                     [&](const StrictMessage& each) { return each.has_headers && each.target() == target; });
}

}  // namespace

ResponseRun::ResponseRun(Lane& lane, const test::ResponseCase& one, Cuts cuts, Takes takes)
    : lane_(lane), case_(one), cuts_(std::move(cuts)), takes_(takes) {
  lane_.upstream.play({});
  if (takes_ == Takes::new_connection) {
    lane_.upstream.close_connections();
  } else {
    warm_up_ = std::make_unique<CaseClient>(lane_.connect, false);
  }
}

bool ResponseRun::is_over_after_step() {
  ++iterations_;
  for (CaseClient* client : {warm_up_.get(), client_.get(), follower_.get()}) {
    if (client) client->step();
  }
  switch (state_) {
    case State::preparing: prepare(); return false;
    case State::asking: ask(); return false;
    case State::responding: respond(); return false;
    case State::following_up: break;
  }
  if (follower_ && follower_->is_ready() && !std::exchange(is_sent_, true)) follower_->send(std::string(kFollowUp));
  return client_->is_over() && (!follower_ || follower_->is_over()) && is_upstream_over();
}

void ResponseRun::prepare() {
  if (warm_up_) {
    if (warm_up_->is_ready() && !std::exchange(is_sent_, true)) warm_up_->send(kWarmUp);
    if (!warm_up_->is_over() || !lane_.upstream.is_quiet()) return;
    warm_up_.reset();
  } else if (iterations_ < kIterationsToNotice) {
    return;
  }
  is_sent_ = false;
  lane_.upstream.forget();
  lane_.upstream.play(Script{case_.steps, cuts_});
  client_ = std::make_unique<CaseClient>(lane_.connect, case_.to_head);
  state_ = State::asking;
}

void ResponseRun::ask() {
  if (!client_->is_ready()) return;
  std::string request = case_.method + " " + std::string(kScriptedTarget) + " HTTP/1.1\r\nHost: example.test\r\n";
  if (case_.body_bytes > 0) request += "Content-Length: " + std::to_string(case_.body_bytes) + "\r\n";
  body_left_ = case_.body_bytes;
  client_->send(request + "\r\n");
  state_ = State::responding;
}

void ResponseRun::respond() {
  const bool has_response = client_->is_over() || client_->has_final_response();
  if (body_left_ > 0 && !has_response && client_->is_ready()) {
    const size_t size = std::min(body_left_, kBodyPiece);
    if (client_->send_more(std::string(size, 'b'))) body_left_ -= size;
  }
  for (const auto& connection : lane_.upstream.connections()) {
    if (connection->wants_client_to_abort()) client_->leave();
  }
  if (has_response && is_played()) follow_up();
}

// By one connection at least, and to its end.
bool ResponseRun::is_played() const {
  const auto& all = lane_.upstream.connections();
  const auto has_begun = [](const auto& each) { return each->has_played(); };
  const auto is_under_way = [](const auto& each) { return each->is_playing(); };
  if (std::any_of(all.begin(), all.end(), is_under_way)) return false;
  return is_connection_impossible(case_) || std::any_of(all.begin(), all.end(), has_begun);
}

bool ResponseRun::is_client_kept() const {
  return !client_->is_over() && client_->is_ready() && body_left_ == 0 && client_->received().is_between() &&
         !client_->received().messages().back().announces_close();
}

void ResponseRun::follow_up() {
  state_ = State::following_up;
  lane_.upstream.play({});
  if (is_client_kept()) return client_->send(std::string(kFollowUp));
  if (body_left_ > 0) client_->leave();
  follower_ = std::make_unique<CaseClient>(lane_.connect, false);
}

bool ResponseRun::is_upstream_over() const {
  const auto& all = lane_.upstream.connections();
  const auto is_left_open = [&](const auto& each) {
    return each->has_played() && each->is_open() && !has_ended_after_all(*each, case_);
  };
  return lane_.upstream.is_quiet() && !(case_.must_not_reuse && std::any_of(all.begin(), all.end(), is_left_open));
}

std::string ResponseRun::judge() {
  if (state_ != State::following_up) return "ended in state " + std::to_string(static_cast<int>(state_));
  expect(client_->is_over(), "the client's connection is open");
  expect(!follower_ || follower_->is_over(), "that of the follow-up is open");
  expect(is_upstream_over(), "a connection to the upstream is open, or waits");
  judge_response(final_responses(client_->received()));
  judge_follow_up();
  judge_upstream();
  return problems();
}

void ResponseRun::judge_response(const std::vector<const StrictMessage*>& responses) {
  const StrictReader& received = client_->received();
  expect(received.problem().empty(), "not a strictly valid response: " + received.problem());
  expect(responses.size() <= 1, "more than one response");
  const StrictMessage* response = responses.empty() ? nullptr : responses[0];
  const bool is_complete = response && response->is_complete;
  const std::string status = response ? std::to_string(response->status()) : "none";
  const bool forwards = case_.expect.starts_with("forward");
  if (case_.expect == kAnyResponse) {
    expect(is_complete || client_->is_over(), "neither a response nor an end");
  } else if (case_.expect == "abort") {
    // Before anything has been relayed, it is a 502.
    expect(!is_complete || status == "502", "a complete response: " + status);
    expect(client_->is_over() || is_complete, "the connection is not closed");
  } else {
    expect(is_complete, "no complete response");
    const std::string wanted = forwards ? final_status_in(case_.raw) : case_.expect;
    expect(status == wanted, "the client got " + status + ", not " + wanted + ": " + (response ? response->body : ""));
  }
  for (const std::string& bytes : case_.necessary) {
    const bool has_come = contains(received, bytes) || (response && response->body.find(bytes) != std::string::npos);
    expect(has_come, "the client did not get " + bytes);
  }
  for (const std::string& bytes : case_.forbidden) expect(!contains(received, bytes), "the client got " + bytes);
}

void ResponseRun::judge_follow_up() {
  const StrictReader& received = follower_ ? follower_->received() : client_->received();
  expect(received.is_between(), "the follow-up has no valid response");
  const StrictMessage* last = received.messages().empty() ? nullptr : &received.messages().back();
  expect(last && last->body == kFollowUpEcho, "the follow-up got another response: " + (last ? last->body : "none"));
  for (const std::string& bytes : case_.forbidden) expect(!contains(received, bytes), "a later client got " + bytes);
}

void ResponseRun::judge_upstream() {
  size_t asked = 0;
  for (const auto& connection : lane_.upstream.connections()) {
    const StrictReader& received = connection->received();
    expect(received.problem().empty(), "not strictly valid at the upstream: " + received.problem());
    asked += has_request_for(*connection, kScriptedTarget) ? 1 : 0;
    const bool is_reused = connection->has_played() && has_request_for(*connection, kFollowUpEcho.substr(4));
    expect(!case_.must_not_reuse || !is_reused || has_ended_after_all(*connection, case_),
           "its connection was used again");
  }
  // What was sent on a kept connection that turned out to be dead may be sent again, if it is safe.
  const size_t asked_max = takes_ == Takes::kept_connection && case_.method != "POST" ? 2 : 1;
  expect(asked <= asked_max, "the upstream was asked " + std::to_string(asked) + " times");
}

Task response_task(const test::ResponseCase& one, Road road, const std::string& way, Cuts cuts, Takes takes) {
  const std::string name = one.id + " " + way + (road == Road::streaming ? ", streamed" : "") +
                           (takes == Takes::kept_connection ? ", kept" : "");
  return {road, name, [&one, cuts = std::move(cuts), takes](Lane& lane) {
            return std::make_unique<ResponseRun>(lane, one, cuts, takes);
          }};
}

bool is_connection_impossible(const test::ResponseCase& one) {
  return one.steps[0].kind == StepKind::refuse || one.steps[0].kind == StepKind::blackhole;
}

bool takes_too_long(const test::UpstreamStep& step) { return step.gap * step.times > 10s; }

}  // namespace tidegate::loopback
