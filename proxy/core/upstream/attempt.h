// One attempt of a request on one upstream connection: takes a connection, writes the headers and the body as given,
// and reports the response. Destroying it ends the attempt at once (the connection is closed unless the response was
// complete).
//
//   pending ──room──▶ connecting ──connected──▶ sending ──request written──▶ waiting ──head──▶ receiving ──▶ ended
//      │                  │ connect_failure        │ timeout, reset             │ response_header    │ idle, reset
//      │ no connection    └────────────────────────┴───────────▶ failed ◀───────┴────────────────────┘
//      └───────▶ refused                                   waiting ──101 that was asked for──▶ switched
//
// Where a kept connection was closed by the upstream before anything of a response came, the attempt starts over on a
// new one, from connecting, without a failure: once, and only a request that may be sent again. A request that may not,
// once it has left, is sent only after a look at the connection.
//
// While it is pending it waits for Tidegate's own limits, not for the upstream: its time begins when there is room.
// Response headers may arrive while the request is still being sent.
//
// It measures whose time passes. Until the request has been sent whole, the upstream is waited for while it has not
// taken what there is of it; otherwise the client is. While the response is paused, the client is waited for.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/upstream/pool.h"
#include "http/client/client_connection.h"
#include "net/runtime.h"
#include "policy/plan.h"

namespace tidegate::core {

// All calls but the first two come later, never inside a call to the attempt. The attempt may be destroyed inside
// any of them.
class AttemptUser {
 public:
  // A connection has been found, or is about to be made: from now on the time is the upstream's. May come inside
  // start(); must not destroy the attempt. `endpoint`: which one of the upstream it is.
  virtual void on_attempt_begun(size_t endpoint) = 0;
  // Connected; inside start() where an idle connection was at hand. Time to build the head for `endpoint` and send().
  // Once more where the attempt starts over: the body is sent from its beginning.
  virtual void on_attempt_ready(const config::Endpoint& endpoint) = 0;
  // A kept connection may turn out to have been closed by the upstream, as an idle one. Whether the request can and may
  // be sent again then: where the upstream has seen none of it (`unseen`), or where it may have seen it.
  virtual bool may_start_over(bool unseen) const = 0;
  virtual void on_attempt_writable() = 0;  // write_pending() fell to 0
  // A 1xx response before the response's own headers (ClientUser). Must not destroy the attempt.
  virtual void on_attempt_interim(const http::ResponseHead&) {}
  // `upstream_time`: how long the upstream alone had been waited for; from the end of the request, where that was sent.
  virtual void on_attempt_head(const http::ResponseHead& head, Duration upstream_time) = 0;
  // The upstream has switched to the protocol that was asked for (ClientUser::on_switched). The attempt has succeeded,
  // and holds no more than the connection's room in the pool until it is destroyed. The last call.
  virtual void on_attempt_switched(const http::ResponseHead&, Duration, std::unique_ptr<net::Stream>,
                                   std::string_view) {}
  virtual void on_attempt_body(std::string_view piece) = 0;
  virtual void on_attempt_complete() = 0;  // the response is complete; the last call
  // The attempt's time ran out while it waited for the next piece of the body: the upstream is not to blame. The last
  // call.
  virtual void on_attempt_starved() = 0;
  // Tidegate's own limits, descriptors or ports left no connection for it: the upstream was not called. The last call.
  virtual void on_attempt_refused(std::string_view detail) = 0;
  // The last call.
  virtual void on_attempt_failed(const policy::AttemptFailure& failure, std::string_view detail) = 0;

 protected:
  ~AttemptUser() = default;
};

struct AttemptLimits {
  Time deadline;     // of the whole request; it bounds the wait for a connection, and the attempt until the head
  Duration per_try;  // from when it begins until the head
  Duration response_header;
  Duration idle;
  Duration upstream_time_allowed{};  // until the response headers: by it a timeout is the upstream's fault, or not
  // It is a breaker's probe: without response headers by then it fails.
  std::optional<Time> probe_until = {};
  JudgedFailures* judged = nullptr;  // by its breaker; null: it has none
  // At which the same request has failed before: another endpoint is preferred.
  std::optional<size_t> failed_at = {};
  // The caller is known to fail by its own fault: of its failures only that to connect counts against the endpoint.
  bool is_callers_fault = false;
  std::string_view upgrade = {};  // the protocol that the request asks for, to which the upstream may switch; "": none
};

class Attempt final : private http::ClientUser, private PoolUser {
 public:
  // Pool, runtime and user outlive the attempt.
  Attempt(net::Runtime& runtime, Pool& pool, AttemptUser& user);
  ~Attempt();
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

  void start(const AttemptLimits& limits, bool is_head_request);

  // The head, and what there is of the body, in one write. `chunked`: how the body is framed. Once, when ready.
  void send(std::string_view head, bool chunked, std::string_view first_piece);
  void send_body(std::string_view piece);
  void end_body();
  size_t write_pending() const { return connection_ ? connection_->write_pending() : 0; }
  // The head has been sent and the body is not at its end: more of it may be sent.
  bool takes_body() const { return head_sent_ && !request_written_ && state_ != State::ended; }

  // Backpressure on the response.
  void pause();
  void resume();

  // How long the client has been waited for so far: for its request body, and to take the response.
  Duration client_time() const;
  Duration paused_time() const;

 private:
  enum class State { pending, connecting, sending, waiting, receiving, switched, ended };
  enum class Awaited { upstream, client };

  void begin(size_t endpoint);
  void connected(PooledConnection connection);
  void start_over();
  void await(Awaited whom);
  void await_next_piece();
  Duration upstream_time() const;
  Time pending_until() const;
  ChoiceFor choice() const;
  void on_timer();
  void on_silence();
  bool is_client_to_blame() const;
  void time_out(policy::AttemptResult result, std::string_view detail);
  void fail(const policy::AttemptFailure& failure, std::string_view detail);
  void note_failure(policy::Outcome outcome, std::string_view reason, bool judged_failed);
  void refuse(const std::string& detail);
  void end();

  void on_connecting(size_t endpoint) override;
  void on_connection(Result<PooledConnection> connection) override;

  void on_interim_response(const http::ResponseHead& head) override { user_.on_attempt_interim(head); }
  void on_response_head(const http::ResponseHead& head) override;
  void on_switched(const http::ResponseHead& head, std::unique_ptr<net::Stream> stream,
                   std::string_view received) override;
  void on_response_body(std::string_view piece) override;
  void on_response_complete() override;
  void on_client_failure(http::ClientFailure failure, http::RequestSeen seen, std::string_view detail) override;
  void on_request_drained() override;

  net::Runtime& runtime_;
  Pool& pool_;
  AttemptUser& user_;
  AttemptLimits limits_{};
  State state_ = State::pending;
  bool is_head_request_ = false;
  bool chunked_ = false;
  bool head_sent_ = false;  // beside the state, since the request has a direction of its own: a response may begin
  bool request_written_ = false;  // before the request has been sent whole
  std::optional<Time> paused_since_;
  Duration paused_time_{};  // until then
  bool held_back_ = false;  // the response was paused for kLatenessMin or longer
  bool reused_ = false;     // the connection had been kept
  bool failed_ = false;     // as a breaker would count it: its endpoint counts it once, and no success
  size_t endpoint_ = 0;     // once it begins
  Time begun_{};
  Time head_deadline_{};
  Time last_activity_{};
  Awaited awaited_ = Awaited::upstream;  // in the request's direction
  Time awaited_since_{};
  Duration client_time_{};  // waited for the client's body, until awaited_since_
  net::Timer timer_;
  std::unique_ptr<net::Operation> acquiring_;
  PooledConnection connection_;
};

}  // namespace tidegate::core
