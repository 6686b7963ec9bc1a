// The job queue on a Redis that is reached by TLS. The contract of record stores runs over it too (every_queue.h).
#include "support/tls_contexts.h"
#include "unit/jobs/redis/fixture.h"

namespace tidegate::jobs {

namespace {

const test::Authority& ours() { return test::Authority::of_program(); }

}  // namespace

TEST_CASE("a Redis whose certificate expires takes no jobs, says why, and has the earlier ones when it is renewed") {
  NEEDS_REDIS();
  test::RedisServer server({.append_only = true, .tls = test::Authority::server_of_program()});
  SecureRedisFixture fixture(server);
  Asker asker(fixture);
  const std::string id = asker.append_new("kept");
  REQUIRE(fixture.queue().tls().size() == 1);
  server.use_certificate(ours().issue("redis_queue", {.names = {"127.0.0.1"}, .days_from = -20, .days_until = -10}));
  server.ask({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
  const auto reason = [&] { return fixture.queue().view().why_unavailable; };
  fixture.run_until([&] { return reason().find("TLS") != std::string::npos; });
  CHECK(reason().starts_with("rediss://127.0.0.1:" + std::to_string(server.tls_port()) +
                             "/0: TLS: the server's certificate has expired"));
  CHECK(asker.append(make_draft(fixture.home())).error().code == ErrorCode::unavailable);
  server.use_certificate(test::Authority::server_of_program());
  fixture.until_available();
  const ClaimedJob job = asker.claim();
  CHECK(job.id == id);
  CHECK(asker.body_of(job) == "kept");
}

}  // namespace tidegate::jobs
