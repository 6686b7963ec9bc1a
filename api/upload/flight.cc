#include "api/upload/flight.h"

#include <utility>

#include "base/assert.h"
#include "base/json_writer.h"
#include "base/log.h"

namespace tidegate::api {

namespace {

constexpr Duration kPutTimeout = 30s;
constexpr Duration kFlightTimeout = 55s;  // the whole answer is promised within 60 s

// The optimizer's or Tidegate's last word on this picture: come again with another.
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

class Flights::Seat final : public net::Operation {
 public:
  Seat(Flight& flight, Callback done);
  ~Seat() override;
  void land(const Reply& reply) {
    flight_ = nullptr;
    const Callback done = std::move(done_);  // it may destroy this
    done(reply);
  }

 private:
  Flight* flight_;  // null once it has landed
  Callback done_;
};

class Flights::Flight {
 public:
  Flight(Flights& flights, Upload upload)
      : flights_(flights),
        upload_(std::move(upload)),
        put_timer_(flights.backend_.runtime,
                   [this] {
                     land(store_reply({ErrorCode::timeout, "put: no end in time"}, backend().store.retry_after()));
                   }),
        timer_(flights.backend_.runtime, [this] {
          land(unreachable_reply({ErrorCode::timeout, "upload: no end in time"}));
        }) {
    timer_.start_after(kFlightTimeout);
    step_ = std::make_unique<Lookup>(backend(), upload_.key, [this](Finding finding) { on_found(std::move(finding)); });
  }

  ~Flight() { end(); }

  void sit_down(Seat* seat) {
    seats_.push_back(seat);
    ++flights_.seats_;
  }
  // The last one to go takes the flight with it, and what it has stored; but for work that has been done or promised.
  void leave(Seat* seat) {
    seats_.remove(seat);
    --flights_.seats_;
    if (!seats_.empty() || landed_ || is_answered_) return;
    Flights& flights = flights_;
    flights.flights_.extract(upload_.key);
    flights.look_whether_settled();
  }
  // After the flight has left the table of flights: tells all who wait. Those may go, or destroy each other.
  void tell(const Reply& reply) {
    end();
    while (!seats_.empty()) {
      Seat* seat = seats_.front();
      seats_.pop_front();
      --flights_.seats_;
      seat->land(reply);
    }
  }

 private:
  const Backend& backend() const { return flights_.backend_; }

  void on_found(Finding finding) {
    switch (finding.kind) {
      case Finding::Kind::done: return land_with(std::move(finding.image), "HIT", "hit");
      case Finding::Kind::under_way:
        return land(accepted_reply(upload_.key, finding.job.id, finding.report.retry_after));
      case Finding::Kind::unavailable: return land(finding.reply);
      case Finding::Kind::unknown:
      case Finding::Kind::failed: break;
    }
    has_failed_job_ = finding.kind == Finding::Kind::failed;
    put_timer_.start_after(kPutTimeout);
    original_ = flights_.originals_.claim(upload_.key, upload_.image, [this](const Status& stored) {
      if (!stored) return land(store_reply(stored.error(), backend().store.retry_after()));
      ask_tidegate();
    });
  }

  void ask_tidegate() {
    put_timer_.stop();
    const auto image_url = backend().store.presigned_url("originals/" + upload_.key, flights_.presign_ttl_);
    // The store has let go of the picture: it can be moved, not copied.
    step_ = backend().tidegate.optimize(
        {upload_.key, upload_.text, upload_.position, upload_.client_ip, upload_.image->content_type,
         std::move(upload_.image->bytes), image_url.value_or("")},
        [this](auto response) { on_answer(std::move(response)); });
  }

  void on_answer(Result<http::FetchResponse> response) {
    if (is_refusal(response)) return refuse(std::move(*response));
    original_->keep();
    if (!response) return land(unreachable_reply(response.error()));
    is_answered_ = response->status == 200 || response->status == 202;
    if (response->status == 200) return store_result(&*response);
    if (response->status == 202) return store_job(*response);
    if (response->status >= 400) return land(passed_on(std::move(*response)));
    land(unreachable_reply({ErrorCode::invalid, "optimize: status " + std::to_string(response->status)}));
  }

  // The same picture will be refused again: nothing of it stays, nor of a job that failed with it before.
  void refuse(http::FetchResponse response) {
    original_->refuse();
    auto reply = std::make_shared<Reply>(passed_on(std::move(response)));
    if (!has_failed_job_) return land(*reply);
    step_ = backend().store.remove("jobs/" + upload_.key, [this, reply](const Status&) { land(*reply); });
  }

  void store_result(http::FetchResponse* response) {
    ObjectPtr image = picture_in(response);
    if (!image) return land(unreachable_reply({ErrorCode::invalid, "optimize: the answer is not a picture"}));
    backend().cache.put(upload_.key, image);
    step_ = backend().store.put("results/" + upload_.key, image, [this, image](const Status& stored) {
      // The picture is made, and the cache has it: that the disk is full is no reason to refuse it.
      if (!stored) log_error("result_not_stored", {{"key", upload_.key}, {"cause", stored.error().message}});
      land_with(image, "MISS", "miss");
    });
  }

  void store_job(const http::FetchResponse& response) {
    const auto job = parse_job(response.body);
    if (!job) return land(unreachable_reply({ErrorCode::invalid, "optimize: a 202 without a job"}));
    const auto entry = std::make_shared<Object>(Object{"application/json", to_json(*job)});
    std::string retry_after(response.field("Retry-After"));
    step_ = backend().store.put("jobs/" + upload_.key, entry, [this, id = job->id, retry_after](const Status& stored) {
      // Without a note of it the job could not be found again: no promise is made.
      if (!stored) return land(store_reply(stored.error(), backend().store.retry_after()));
      land(accepted_reply(upload_.key, id, retry_after));
    });
  }

  void land_with(ObjectPtr image, const char* cache, const char* outcome) {
    Reply reply;
    reply.status = 200;
    reply.image = std::move(image);
    reply.fields =
        field_line("X-Cache", cache) + field_line("X-Image-Key", upload_.key) + "Cache-Control: no-store\r\n";
    reply.outcome = outcome;
    land(reply);
  }

  void land(const Reply& reply) {
    landed_ = true;
    flights_.land(upload_.key, Reply(reply));  // a copy: what the reply came from may go with this
  }

  void end() {
    step_.reset();
    if (original_) original_->hold(std::move(upload_.room));
    original_.reset();
    upload_.room.clear();
  }

  Flights& flights_;
  Upload upload_;
  std::list<Seat*> seats_;
  std::unique_ptr<net::Operation> step_;
  std::unique_ptr<Originals::Claim> original_;
  net::Timer put_timer_;
  net::Timer timer_;
  bool has_failed_job_ = false;
  bool is_answered_ = false;  // 200 or 202: what follows is done for nobody, too
  bool landed_ = false;       // no longer in the table of flights
};

Flights::Seat::Seat(Flight& flight, Callback done) : flight_(&flight), done_(std::move(done)) {
  flight_->sit_down(this);
}

Flights::Seat::~Seat() {
  if (flight_) flight_->leave(this);
}

Flights::Flights(Backend backend, Duration presign_ttl)
    : backend_(backend),
      presign_ttl_(presign_ttl),
      settled_timer_(backend.runtime,
                     [this] {
                       const auto done = std::exchange(settled_, nullptr);  // it may destroy this
                       done();
                     }),
      originals_(backend.store, [this] { look_whether_settled(); }) {}

Flights::~Flights() {
  TG_ASSERT(seats_ == 0);
  settled_ = nullptr;  // the flights that nobody waits for may go now
}

std::unique_ptr<net::Operation> Flights::join(Upload upload, Callback done) {
  auto found = flights_.find(upload.key);
  if (found == flights_.end()) {
    const std::string key = upload.key;
    found = flights_.emplace(key, std::make_unique<Flight>(*this, std::move(upload))).first;
  }
  return std::make_unique<Seat>(*found->second, std::move(done));
}

void Flights::land(const std::string& key, const Reply& reply) {
  auto node = flights_.extract(key);
  TG_ASSERT(!node.empty());
  node.mapped()->tell(reply);
  look_whether_settled();
}

void Flights::settle(std::function<void()> done) {
  settled_ = std::move(done);
  look_whether_settled();
}

void Flights::look_whether_settled() {
  if (settled_ && flights_.empty() && originals_.leaving() == 0) settled_timer_.start_after(Duration::zero());
}

}  // namespace tidegate::api
