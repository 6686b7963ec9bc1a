// One attempt, and a user that records its callbacks: "ready;200;[hello];complete".
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/upstream/attempt.h"
#include "unit/core/upstream/upstream_fixture.h"

namespace tidegate::core::test {

inline constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
inline constexpr std::string_view kPost = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n";
inline constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

struct TestAttempt final : AttemptUser {
  explicit TestAttempt(UpstreamFixture& fixture)
      : fixture_(fixture), attempt(std::make_unique<Attempt>(fixture.runtime, *fixture.pool, *this)) {}

  // The time of the whole request. Set before start().
  Duration total = 60s;
  JudgedFailures* judged = nullptr;
  bool is_callers_fault = false;
  std::string_view upgrade = {};

  TestAttempt& start(Duration per_try = 10s, Duration header = 3s, Duration idle = 2s, bool is_head = false) {
    attempt->start(
        {fixture_.runtime.now() + total, per_try, header, idle, {}, {}, judged, {}, is_callers_fault, upgrade},
        is_head);
    return *this;
  }
  // A whole request without a body.
  void get() {
    fixture_.settle();
    REQUIRE(events == "ready");
    attempt->send(kGet, false, {});
    attempt->end_body();
    fixture_.settle();
  }

  void on_attempt_ready(const config::Endpoint& endpoint) override {
    CHECK(endpoint.host == "10.0.0.2");
    events += "ready";
    if (when_ready) when_ready();
  }
  bool may_start_over(bool unseen) const override { return unseen ? over_if_unseen : over_if_maybe_seen; }
  void on_attempt_begun(size_t) override { begun_at = fixture_.runtime.now(); }
  void on_attempt_writable() override { ++writable; }
  void on_attempt_interim(const http::ResponseHead& head) override { events += ";" + std::to_string(head.status); }
  void on_attempt_head(const http::ResponseHead& head, Duration upstream_time) override {
    upstream_took = upstream_time;
    events += ";" + std::to_string(head.status);
    if (leave_at_head) attempt.reset();
  }
  void on_attempt_switched(const http::ResponseHead&, Duration upstream_time, std::unique_ptr<net::Stream> stream,
                           std::string_view received) override {
    upstream_took = upstream_time;
    events += ";switched:" + std::string(received);
    switched = std::move(stream);
    switched->set_user(&nobody);
  }
  void on_attempt_body(std::string_view piece) override {
    body += piece;
    if (pause_at_body) attempt->pause();
  }
  void on_attempt_complete() override { events += ";[" + body + "];complete"; }
  void on_attempt_starved() override { events += ";starved"; }
  void on_attempt_refused(std::string_view detail) override {
    CHECK_FALSE(detail.empty());
    events += "refused";
  }
  void on_attempt_failed(const policy::AttemptFailure& failure, std::string_view detail) override {
    CHECK_FALSE(detail.empty());
    events += std::string(";") + to_string(failure.result);
    upstreams_fault = failure.upstreams_fault;
  }

  UpstreamFixture& fixture_;
  std::unique_ptr<Attempt> attempt;
  std::string events;
  std::string body;
  int writable = 0;
  std::optional<Time> begun_at;
  Duration upstream_took{};  // at the response headers
  bool upstreams_fault = false;
  std::function<void()> when_ready;
  bool over_if_unseen = true;
  bool over_if_maybe_seen = false;
  bool leave_at_head = false;
  bool pause_at_body = false;

  // The user of a connection that has switched.
  struct Nobody final : net::StreamUser {
    void on_read(std::string_view) override {}
    void on_read_end() override {}
    void on_stream_error(const Error&) override {}
    void on_write_drained() override {}
  };
  Nobody nobody;
  std::unique_ptr<net::Stream> switched;
};

inline double attempts(UpstreamFixture& fixture, const std::string& result) {
  return fixture.metric("tidegate_upstream_request_duration_seconds_count{result=\"" + result + "\",upstream=\"up\"}");
}

}  // namespace tidegate::core::test
