#include "core/exchange/exchange.h"

#include <charconv>

#include "base/assert.h"
#include "base/log.h"
#include "core/access_log.h"
#include "core/jobs/body_reference.h"
#include "core/jobs/idempotency_key.h"
#include "core/responses.h"
#include "http/message/client_address.h"
#include "http/message/prefer.h"

namespace tidegate::core {

using policy::AttemptResult;
using policy::Outcome;

namespace {

bool is_idempotent(const http::RequestHead& head) {
  static constexpr std::string_view kMethods[] = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"};
  for (const std::string_view method : kMethods) {
    if (head.method == method) return true;
  }
  return head.fields.find("idempotency-key").has_value();
}

}  // namespace

// A turn in the bulkhead's queue. granted() may come on any thread: it posts to the exchange's own loop, where the link
// says whether the exchange still lives.
class Exchange::Waiter final : public policy::SlotWaiter {
 public:
  explicit Waiter(Exchange& exchange) : runtime_(exchange.runtime()), link_(std::make_shared<Exchange*>(&exchange)) {}
  ~Waiter() override {
    leave();
    *link_ = nullptr;
  }

 private:
  void granted() override {
    runtime_.post([link = link_] {
      if (*link) (*link)->on_slot_granted();
    });
  }

  net::Runtime& runtime_;
  std::shared_ptr<Exchange*> link_;
};

Exchange::Exchange(Worker& worker, std::shared_ptr<const RouteTable> table, const RouteState& route,
                   http::Responder& responder)
    : worker_(worker),
      table_(std::move(table)),
      route_(route),
      responder_(responder),
      begun_(responder.runtime().now()),
      timer_(responder.runtime(), [this] { on_timer(); }) {
  const IpAddress peer = responder_.peer().ip;
  const auto& trusted = route_.listener->trusted_proxies;
  client_ = http::client_address(peer, head().fields, trusted);
  context_ =
      make_context(head(), peer, http::is_trusted(peer, trusted), to_hex(runtime().random_id()), runtime().random());
  route_.metrics->begun();
}

Exchange::~Exchange() { TG_ASSERT(state_ == State::ended); }

void Exchange::start() {
  policy::RequestTraits traits;
  if (!read_traits(traits)) {
    return refuse(Outcome::bad_request, std::nullopt,
                  "the timeout header must be a whole number of milliseconds, at least 1");
  }
  if (const Status wish = read_preferences(traits); !wish) {
    return refuse(Outcome::bad_request, std::nullopt, wish.error().message);
  }
  plan_.emplace(route_.policy, traits, runtime().now(), runtime().random());
  keep_what_may_be_needed();
  if (route_.shared_limit) return ask_shared_limit();
  perform(plan_->begin(runtime().now()));
}

bool Exchange::read_traits(policy::RequestTraits& traits) {
  const http::RequestHead& request = head();
  if (route_.policy.limiter) traits.rate_key = rate_key();
  traits.idempotent = is_idempotent(request);
  const std::string& name = route_.config->timeout_header;
  const auto text = name.empty() ? std::nullopt : request.fields.find(name);
  if (!text) return true;
  int64_t ms = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), ms);
  if (error != std::errc() || end != text->data() + text->size() || ms < 1) return false;
  // A day is longer than any total; more would only overflow.
  traits.client_timeout = std::min<Duration>(std::chrono::milliseconds(std::min<int64_t>(ms, 86'400'000)), 24h);
  return true;
}

// Refused before anything is done with it: a key or a reference that is not valid would fail the job later.
Status Exchange::read_preferences(policy::RequestTraits& traits) {
  if (!route_.enqueue) return Ok{};
  auto wish = std::make_unique<JobPreferences>();
  auto key = idempotency_key(head().fields);
  if (!key) return key.error();
  wish->key = std::move(*key);
  if (route_.enqueue->by_reference) {
    auto reference = body_reference(head().fields, route_.enqueue->reference_hosts);
    if (!reference) return reference.error();
    wish->body_ref = std::move(*reference);
  }
  const http::Preferences prefer = http::preferences_of(head().fields);
  wish->async = prefer.respond_async;
  if (prefer.respond_async && prefer.wait_s) wish->wait = std::chrono::seconds(*prefer.wait_s);
  traits.respond_async = wish->async;
  traits.body_elsewhere = wish->body_ref.has_value();
  if (!wish->key.empty() || wish->body_ref || wish->async) preferences_ = std::move(wish);
  return Ok{};
}

// Kept whole only on routes that may need the body again, and only as much as a job may hold.
void Exchange::keep_what_may_be_needed() {
  if (head().framing == http::Framing::none) return;
  uint64_t keep_max = 0;
  if (route_.config->retry.max_attempts > 1) keep_max = route_.listener->limits.body;
  if (route_.enqueue && !by_reference()) keep_max = std::max(keep_max, route_.enqueue->max_body);
  if (head().framing == http::Framing::content_length && head().content_length > keep_max) keep_max = 0;
  body_.emplace(runtime(), keep_max, [this] { body_changed(); });
}

// ---- the steps ----

void Exchange::perform(const policy::Step& step) {
  struct Performer {
    Exchange& self;
    void operator()(const policy::StartAttempt& s) const { self.begin_attempt(s); }
    void operator()(const policy::WaitForSlot& s) const { self.wait_for_slot(s); }
    void operator()(const policy::WaitUntil& s) const {
      self.state_ = State::backing_off;
      self.route_.upstream->metrics().retry(true);
      self.timer_.start_at(s.until);
    }
    void operator()(const policy::Park& s) const { self.park(s); }
    void operator()(const policy::Respond& s) const { self.respond(s); }
    void operator()(const policy::Refuse& s) const { self.refuse(s.why, s.retry_after); }
  };
  timer_.stop();
  std::visit(Performer{*this}, step);
}

void Exchange::begin_attempt(const policy::StartAttempt& step) {
  state_ = State::attempting;
  sent_ = 0;
  attempt_ = std::make_unique<Attempt>(runtime(), worker_.pool(*route_.upstream), static_cast<AttemptUser&>(*this));
  const policy::TimeoutConfig& timeout = route_.config->timeout;
  const bool may_start_over = !body_ && is_idempotent(head());
  attempt_->start({step.attempt_deadline, timeout.response_header, timeout.idle, may_start_over},
                  head().method == "HEAD");
}

void Exchange::wait_for_slot(const policy::WaitForSlot& step) {
  state_ = State::waiting_for_slot;
  waiter_ = std::make_unique<Waiter>(*this);
  if (!route_.policy.bulkhead->wait(*waiter_)) {
    waiter_.reset();
    return perform(plan_->slot_wait_over(runtime().now()));
  }
  timer_.start_at(step.until);
}

void Exchange::on_slot_granted() {
  auto slot = waiter_ ? waiter_->take() : std::nullopt;
  if (!slot) return;  // the wait was over just before
  waiter_.reset();
  perform(plan_->slot_granted(std::move(*slot), runtime().now()));
}

void Exchange::on_timer() {
  switch (state_) {
    case State::asking_limit: asking_.reset(); return begin_without_store();
    case State::waiting_for_slot:
      // A slot that was granted in this very turn is taken rather than given back.
      if (auto slot = waiter_->take()) {
        waiter_.reset();
        return perform(plan_->slot_granted(std::move(*slot), runtime().now()));
      }
      waiter_.reset();
      return perform(plan_->slot_wait_over(runtime().now()));
    case State::backing_off: return perform(plan_->next_attempt(runtime().now()));
    case State::relaying:
      failure_ = "the deadline passed while the answer was being relayed";
      plan_->relay_ended(AttemptResult::timeout, runtime().now());
      responder_.abort();
      return end(Outcome::timeout, answer_status_);
    case State::parking:
      storing_.reset();
      failure_ = "the store gave no verdict in time";
      return refuse(Outcome::queue_unavailable, kCommitBound);
    case State::awaiting:  // the store does not tell: the promise stands all the same
      storing_.reset();
      return answer_accepted(job_->status, std::nullopt);
    case State::delivering:
    case State::deciding:
    case State::attempting:
    case State::ended: TG_ASSERT(false);
  }
}

void Exchange::respond(const policy::Respond& step) {
  const config::FallbackRespond& fallback = *route_.respond;
  const std::string fields = "X-Request-Id: " + context_.request_id + "\r\nProxy-Status: tidegate; details=\"" +
                             to_string(step.why) + "\"\r\n";
  responder_.answer(fallback.status, fallback.content_type, fallback.body, fields);
  note_failure(step.why);
  end(Outcome::responded, fallback.status);
}

// For the log: why the request was not relayed, and what its last try came to.
void Exchange::note_failure(Outcome why) {
  const std::string word = to_string(why);
  // A status that the fallback takes has no word of its own: it says itself what was wrong.
  if (why == Outcome::bad_upstream_response && !failure_.empty()) return;
  if (!failure_.starts_with(word)) failure_ = failure_.empty() ? word : word + "; last try: " + failure_;
}

void Exchange::refuse(Outcome why, std::optional<Duration> retry_after, std::string_view detail) {
  Problem problem{why, detail, context_.request_id, std::nullopt, {}};
  const uint16_t status = status_of(why);
  if (status == 503 || status == 429) {
    problem.retry_after_s = retry_after_seconds(retry_after.value_or(1s), runtime().random());
  }
  if (why == Outcome::rate_limited && plan_->rate_decision()) {
    problem.extra_fields = rate_limit_fields(*plan_->rate_decision(), route_.policy.limiter->config());
  }
  send_problem(responder_, problem);
  end(why, status);
}

// Everything the request caused ends here. The server destroys the exchange at the end of the turn.
void Exchange::end(Outcome outcome, uint16_t code) {
  TG_ASSERT(state_ != State::ended);
  state_ = State::ended;
  timer_.stop();
  waiter_.reset();
  attempt_.reset();
  storing_.reset();
  asking_.reset();
  job_wait_.reset();
  const Duration took = runtime().now() - begun_;
  route_.metrics->ended(head().method, code, outcome, took);
  if (plan_) {
    if (plan_->rate_decision()) {
      route_.metrics->rate_limit(plan_->rate_decision()->allowed, plan_->would_rate_limit());
    }
    if (plan_->would_rate_limit()) route_.metrics->would(Outcome::rate_limited);
    if (plan_->would_break()) route_.metrics->would(Outcome::breaker_open);
    if (plan_->budget_exhausted()) route_.upstream->metrics().retry(false);
    plan_->abandon();  // gives back whatever is still held
  }
  log_access({head(), route_.config->name, outcome, code, took, client_, context_.request_id,
              plan_ ? plan_->attempts() : 0, answer_bytes_, failure_},
             table_->config().log.access);
}

}  // namespace tidegate::core
