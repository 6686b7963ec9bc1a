#include "api/upload/flight.h"

#include <utility>

#include "base/assert.h"
#include "base/json_writer.h"
#include "base/log.h"

namespace tidegate::api {

namespace {

constexpr Duration kPutTimeout = 30s;
constexpr Duration kFlightTimeout = 55s;  // the whole response is promised within 60 s

// The optimizer or Tidegate refuses this picture: the same upload would be refused again.
bool is_refusal(const Result<http::FetchResponse>& response) {
  if (!response || response->status < 400 || response->status >= 500) return false;
  return response->status != 408 && response->status != 425 && response->status != 429;
}

}  // namespace

Reply accepted_reply(const std::string& key, const std::string& job_id, std::string_view retry_after) {
  const std::string status_url = "/status/" + key;
  JsonWriter json;
  json.field("job_id", job_id).field("key", key).field("status_url", status_url);
  std::string fields = field_line("Location", status_url);
  fields += field_line("Retry-After", retry_after.empty() ? "2" : retry_after);
  Reply reply = json_reply(202, json.take(), fields + field_line("X-Image-Key", key));
  reply.outcome = "queued";
  return reply;
}

class Flights::Waiter final : public net::Operation {
 public:
  Waiter(Flight& flight, Callback done);
  ~Waiter() override;
  void complete(const Reply& reply) {
    flight_ = nullptr;
    const Callback done = std::move(done_);  // may destroy this
    done(reply);
  }

 private:
  Flight* flight_;  // null: completed
  Callback done_;
};

class Flights::Flight {
 public:
  Flight(Flights& flights, Upload upload)
      : flights_(flights),
        upload_(std::move(upload)),
        put_timer_(flights.backend_.runtime, [this] { on_put_timeout(); }),
        timer_(flights.backend_.runtime, [this] { on_timeout(); }) {
    timer_.start_after(kFlightTimeout);
    step_ = std::make_unique<Lookup>(backend(), upload_.key, [this](Finding finding) { on_found(std::move(finding)); });
  }

  ~Flight() { release(); }

  void add(Waiter* waiter) {
    waiters_.push_back(waiter);
    ++flights_.waiters_;
  }
  // The last waiter cancels the flight, unless there is a result or a job to store.
  void remove(Waiter* waiter) {
    waiters_.remove(waiter);
    --flights_.waiters_;
    if (!waiters_.empty() || is_completed_ || is_accepted_) return;
    Flights& flights = flights_;
    flights.flights_.extract(upload_.key);
    flights.check_settled();
  }
  // REQUIRES that the flight is no longer in the table. A waiter's callback may destroy other waiters.
  void notify(const Reply& reply) {
    release();
    while (!waiters_.empty()) {
      Waiter* waiter = waiters_.front();
      waiters_.pop_front();
      --flights_.waiters_;
      waiter->complete(reply);
    }
  }

 private:
  const Backend& backend() const { return flights_.backend_; }

  void on_put_timeout() { complete(store_error({ErrorCode::timeout, "put: timed out"})); }
  void on_timeout() { complete(upstream_error_reply({ErrorCode::timeout, "upload: timed out"})); }
  Reply store_error(const Error& error) const { return store_reply(error, backend().store.retry_after()); }

  void on_found(Finding finding) {
    switch (finding.kind) {
      case Finding::Kind::done: return complete_with(std::move(finding.image), "HIT", "hit");
      case Finding::Kind::pending:
        return complete(accepted_reply(upload_.key, finding.job.id, finding.report.retry_after));
      case Finding::Kind::unavailable: return complete(finding.reply);
      case Finding::Kind::unknown:
      case Finding::Kind::failed: break;
    }
    has_failed_job_ = finding.kind == Finding::Kind::failed;
    put_timer_.start_after(kPutTimeout);
    original_ = flights_.originals_.claim(upload_.key, upload_.image, [this](const Status& stored) {
      if (!stored) return complete(store_error(stored.error()));
      send_to_tidegate();
    });
  }

  void send_to_tidegate() {
    put_timer_.stop();
    const auto image_url = backend().store.presigned_url("originals/" + upload_.key, flights_.presign_ttl_);
    // The store no longer reads the picture, so its bytes can be moved.
    step_ = backend().tidegate.optimize(
        {upload_.key, upload_.text, upload_.position, upload_.client_ip, upload_.image->content_type,
         std::move(upload_.image->bytes), image_url.value_or("")},
        [this](auto response) { on_response(std::move(response)); });
  }

  void on_response(Result<http::FetchResponse> response) {
    if (is_refusal(response)) return refuse(std::move(*response));
    original_->keep();
    if (!response) return complete(upstream_error_reply(response.error()));
    is_accepted_ = response->status == 200 || response->status == 202;
    if (response->status == 200) return store_result(&*response);
    if (response->status == 202) return store_job(*response);
    if (response->status >= 400) return complete(forwarded_reply(std::move(*response)));
    complete(upstream_error_reply({ErrorCode::invalid, "optimize: status " + std::to_string(response->status)}));
  }

  // Removes the original, and the entry of an earlier job that failed for the same picture.
  void refuse(http::FetchResponse response) {
    original_->refuse();
    auto reply = std::make_shared<Reply>(forwarded_reply(std::move(response)));
    if (!has_failed_job_) return complete(*reply);
    step_ = backend().store.remove("jobs/" + upload_.key, [this, reply](const Status&) { complete(*reply); });
  }

  void store_result(http::FetchResponse* response) {
    ObjectPtr image = picture_in(response);
    if (!image) return complete(upstream_error_reply({ErrorCode::invalid, "optimize: the response is not a picture"}));
    backend().cache.put(upload_.key, image);
    step_ = backend().store.put("results/" + upload_.key, image, [this, image](const Status& stored) {
      // The picture is finished and cached, so the client gets it even if the store failed.
      if (!stored) log_error("result_not_stored", {{"key", upload_.key}, {"reason", stored.error().message}});
      complete_with(image, "MISS", "miss");
    });
  }

  void store_job(const http::FetchResponse& response) {
    const auto job = parse_job(response.body);
    if (!job) return complete(upstream_error_reply({ErrorCode::invalid, "optimize: a 202 without a job"}));
    const auto entry = std::make_shared<Object>(Object{"application/json", to_json(*job)});
    std::string retry_after(response.field("Retry-After"));
    step_ = backend().store.put("jobs/" + upload_.key, entry, [this, id = job->id, retry_after](const Status& stored) {
      // Without its entry the job could not be found again, so nothing is promised.
      if (!stored) return complete(store_error(stored.error()));
      complete(accepted_reply(upload_.key, id, retry_after));
    });
  }

  void complete_with(ObjectPtr image, const char* cache, const char* outcome) {
    Reply reply;
    reply.status = 200;
    reply.image = std::move(image);
    reply.fields =
        field_line("X-Cache", cache) + field_line("X-Image-Key", upload_.key) + "Cache-Control: no-store\r\n";
    reply.outcome = outcome;
    complete(reply);
  }

  void complete(const Reply& reply) {
    is_completed_ = true;
    flights_.complete(upload_.key, Reply(reply));  // a copy: this may destroy the owner of `reply`
  }

  void release() {
    step_.reset();
    if (original_) original_->hold(std::move(upload_.reservation));
    original_.reset();
    upload_.reservation.release();
  }

  Flights& flights_;
  Upload upload_;
  std::list<Waiter*> waiters_;
  std::unique_ptr<net::Operation> step_;
  std::unique_ptr<Originals::Claim> original_;
  net::Timer put_timer_;
  net::Timer timer_;
  bool has_failed_job_ = false;
  bool is_accepted_ = false;   // 200 or 202: the result or job is stored even if nobody waits
  bool is_completed_ = false;  // no longer in the table of flights
};

Flights::Waiter::Waiter(Flight& flight, Callback done) : flight_(&flight), done_(std::move(done)) {
  flight_->add(this);
}

Flights::Waiter::~Waiter() {
  if (flight_) flight_->remove(this);
}

Flights::Flights(Backend backend, Duration presign_ttl)
    : backend_(backend),
      presign_ttl_(presign_ttl),
      settled_timer_(backend.runtime,
                     [this] {
                       const auto done = std::exchange(settled_, nullptr);  // may destroy this
                       done();
                     }),
      originals_(backend.store, [this] { check_settled(); }) {}

Flights::~Flights() {
  TG_ASSERT(waiters_ == 0);
  settled_ = nullptr;  // the remaining flights have no waiters
}

std::unique_ptr<net::Operation> Flights::join(Upload upload, Callback done) {
  auto found = flights_.find(upload.key);
  if (found == flights_.end()) {
    const std::string key = upload.key;
    found = flights_.emplace(key, std::make_unique<Flight>(*this, std::move(upload))).first;
  }
  return std::make_unique<Waiter>(*found->second, std::move(done));
}

void Flights::complete(const std::string& key, const Reply& reply) {
  auto node = flights_.extract(key);
  TG_ASSERT(!node.empty());
  node.mapped()->notify(reply);
  check_settled();
}

void Flights::settle(std::function<void()> done) {
  settled_ = std::move(done);
  check_settled();
}

void Flights::check_settled() {
  if (settled_ && flights_.empty() && originals_.removals() == 0) settled_timer_.start_after(Duration::zero());
}

}  // namespace tidegate::api
