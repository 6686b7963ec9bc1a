// What the admin interface responds where the queue refuses a change. In simulated time.
#include <doctest/doctest.h>

#include "admin/admin_service.h"
#include "jobs/sim/queue.h"
#include "net/sim/sim_runtime.h"
#include "support/config_builder.h"
#include "unit/http/raw_client.h"

namespace tidegate::admin {

namespace {

// An admin interface over a simulated queue.
class OperatorFixture {
 public:
  OperatorFixture() { REQUIRE(service_.listen().ok()); }

  // The id of a job that has failed.
  std::string add_dead_job() {
    jobs::JobDraft draft;
    draft.id = to_hex(runtime_.random_id());
    draft.route = "r";
    draft.method = "POST";
    draft.target = "/job";
    draft.created_at = runtime_.wall_now();
    draft.expires_at = draft.created_at + 1h;
    draft.max_attempts = 1;
    REQUIRE(await<jobs::Appended>([&](auto done) { return queue_->append(runtime_, draft, done); }).ok());
    fail_next_job();
    return draft.id;
  }
  void fail_next_job() {
    const auto job =
        await<std::optional<jobs::ClaimedJob>>([&](auto done) { return queue_->claim(runtime_, 30s, done); });
    REQUIRE(job.ok());
    REQUIRE(job->has_value());
    const jobs::AttemptRecord attempt{runtime_.wall_now(), 5ms, "503"};
    REQUIRE(await<Ok>([&](auto done) { return queue_->dead_letter(runtime_, **job, attempt, done); }).ok());
  }
  // Each call of the queue takes 5 ms.
  void set_disk_full(bool full) {
    jobs::SimQueueFaults faults;
    faults.delay_min = faults.delay_max = 5ms;
    faults.disk_full = full;
    queue_->set_faults(faults);
  }
  void pass(Duration time) { runtime_.run_for(time); }
  std::string post(const std::string& path, const std::string& body = "") {
    return send("POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) +
                "\r\n\r\n" + body);
  }
  std::string get(const std::string& path) { return send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n"); }
  net::Runtime& runtime() { return runtime_; }
  SocketAddress address() const { return service_.address(); }
  std::string replay(const std::string& id) { return post("/api/queues/jobs/jobs/" + id + "/replay"); }

 private:
  std::string send(const std::string& request) {
    test::RawClient client(runtime_, service_.address(), request);
    pass(100ms);
    return client.received;
  }
  template <typename T, typename Call>
  Result<T> await(Call call) {
    std::optional<Result<T>> result;
    const jobs::OperationPtr operation = call([&](Result<T> value) { result.emplace(std::move(value)); });
    pass(100ms);
    REQUIRE(result);
    return std::move(*result);
  }

  net::SimRuntime runtime_{1};
  std::shared_ptr<jobs::SimQueue> queue_ = jobs::SimQueue::make(runtime_, {}, 1);
  std::shared_ptr<const config::Config> config_ =
      test::load_config(test::ConfigBuilder()
                            .upstream("u", "endpoints: ['http://10.0.0.2:1']")
                            .queue("jobs", "url: 'sqlite:///jobs.db'")
                            .route("r", "match: {path: /*}, upstream: u, fallback: {enqueue: {queue: jobs}}"));
  std::unique_ptr<metrics::Metrics> metrics_ = metrics::Metrics::make(*config_, "1", "test");
  core::Gateway gateway_{runtime_, config_, *metrics_, core::Gateway::QueueStores{{"jobs", queue_}}, 1};
  AdminService service_{runtime_, gateway_, Build{"1", "test"}};
};

bool has(const std::string& response, const std::string& text) { return response.find(text) != std::string::npos; }

}  // namespace

TEST_CASE("a replay that a full disk refuses is a full queue; only a job replayed too often is called that") {
  OperatorFixture fixture;
  const std::string id = fixture.add_dead_job();
  fixture.set_disk_full(true);
  const std::string refused = fixture.replay(id);
  CHECK_MESSAGE(refused.starts_with("HTTP/1.1 503 "), refused);
  CHECK(has(refused, R"("queue_full")"));
  CHECK(has(refused, "disk_full"));
  CHECK(has(refused, "Retry-After: "));
  fixture.set_disk_full(false);
  for (int i = 0; i < jobs::JobQueue::kReplaysMax; ++i) {
    CHECK(fixture.replay(id).starts_with("HTTP/1.1 200 "));
    fixture.fail_next_job();
  }
  const std::string too_often = fixture.replay(id);
  CHECK(too_often.starts_with("HTTP/1.1 409 "));
  CHECK(has(too_often, R"("replayed_too_often")"));
}

TEST_CASE("a replay of many stops at a full disk, and says how many were replayed and why it has stopped") {
  OperatorFixture fixture;
  for (int i = 0; i < 3; ++i) fixture.add_dead_job();
  CHECK(fixture.post("/api/queues/jobs/replay", R"({"rate":"1/s"})").starts_with("HTTP/1.1 202 "));
  fixture.pass(1s);
  CHECK(has(fixture.get("/api/queues"), R"("running":true,"replayed":1,"skipped":0)"));
  fixture.set_disk_full(true);
  fixture.pass(1s);
  const std::string stopped = fixture.get("/api/queues");
  CHECK_MESSAGE(has(stopped, R"("running":false,"replayed":1,"skipped":0)"), stopped);
  CHECK(has(stopped, R"("why":"queue error: disk_full: )"));
}

TEST_CASE("a purge of many that a full disk stops says how many were purged") {
  OperatorFixture fixture;
  for (int i = 0; i < 5; ++i) fixture.add_dead_job();
  fixture.set_disk_full(false);
  test::RawClient client(fixture.runtime(), fixture.address(),
                         "DELETE /api/queues/jobs/jobs?status=dead HTTP/1.1\r\nHost: localhost\r\n\r\n");
  fixture.pass(20ms);  // the list, and two or three purges
  fixture.set_disk_full(true);
  fixture.pass(100ms);
  CHECK_MESSAGE(client.has(R"("queue_full")"), client.received);
  CHECK(client.has(" jobs were purged before"));
}

}  // namespace tidegate::admin
