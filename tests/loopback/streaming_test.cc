// Bodies far larger than any buffer: generated while they are sent, counted while they arrive, stored nowhere. Client,
// Tidegate and upstream share this process, so its memory bounds all three.
#include <unistd.h>

#include <cstdio>

#include "loopback/fixture.h"

namespace tidegate::loopback {

namespace {

constexpr uint64_t kGiB = 1ull << 30;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr double kGrowthMaxMiB = 500;  // a sanitizer keeps what was freed, and a shadow of all of it
#else
constexpr double kGrowthMaxMiB = 32;
#endif

double resident_mib() {
  long pages_all = 0;
  long pages = 0;
  FILE* file = std::fopen("/proc/self/statm", "r");
  REQUIRE(file != nullptr);
  const int found = std::fscanf(file, "%ld %ld", &pages_all, &pages);
  std::fclose(file);
  REQUIRE(found == 2);
  return static_cast<double>(pages) * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1024.0 * 1024.0);
}

// `more`: further settings of the route.
std::string roomy_config(const std::string& more = "") {
  return test::ConfigBuilder()
      .listener("address: 127.0.0.1:0, limits: {body: 2GiB}")
      .upstream("up", R"(endpoints: ["{UP}"])")
      .queue("jobs", R"(url: "sqlite://{DIR}/jobs.db")")
      .route("big",
             "match: {path: /big}, upstream: up, timeout: {total: 10m, per_try: 10m, response_header: 1m}" + more);
}

// Sends `size` bytes as fast as they are accepted, chunked or with Content-Length. Returns the highest memory use.
double upload(Fixture& fixture, uint64_t size, bool chunked) {
  fixture.upstream.keep_bodies = false;
  const std::string piece(64 * 1024, 'x');
  const std::string framed = chunked ? "10000\r\n" + piece + "\r\n" : piece;
  const std::string framing = chunked ? "Transfer-Encoding: chunked" : "Content-Length: " + std::to_string(size);
  const auto client = fixture.client("POST /big HTTP/1.1\r\nHost: a\r\n" + framing + "\r\n\r\n");
  fixture.until("it is connected", [&] { return client->connected(); });
  uint64_t sent = 0;
  double highest = 0;
  net::Timer tick(fixture.runtime, [] {});
  while (sent < size) {
    REQUIRE_FALSE(client->over());
    while (sent < size && client->write_pending() == 0) {
      client->send(framed);
      sent += piece.size();
    }
    if (sent % (16 << 20) == 0) highest = std::max(highest, resident_mib());
    if (!tick.active()) tick.start_after(50ms);
    fixture.runtime.run_once();
  }
  if (chunked) client->send("0\r\n\r\n");
  const Reply reply = fixture.next(*client);
  CHECK(reply.status == 200);
  CHECK(fixture.upstream.seen.at(0).whole);
  CHECK(fixture.upstream.seen.at(0).body_bytes == size);
  return std::max(highest, resident_mib());
}

}  // namespace

TEST_CASE("an upload of 1 GiB passes in bounded memory") {
  Fixture fixture(roomy_config());
  const double before = resident_mib();
  const double grown = upload(fixture, kGiB, false) - before;
  MESSAGE("grown by " << grown << " MiB");
  CHECK(grown < kGrowthMaxMiB);
}

TEST_CASE("an upload larger than max_body passes in bounded memory") {
  for (const bool chunked : {false, true}) {
    CAPTURE(chunked);
    Fixture fixture(roomy_config(", fallback: {enqueue: {queue: jobs, max_body: 1MiB}}"));
    const double before = resident_mib();
    const double grown = upload(fixture, kGiB / 4, chunked) - before;
    MESSAGE("grown by " << grown << " MiB");
    CHECK(grown < kGrowthMaxMiB);
  }
}

TEST_CASE("a download of 1 GiB passes in bounded memory, with Content-Length or chunked") {
  for (const bool chunked : {false, true}) {
    CAPTURE(chunked);
    Fixture fixture(roomy_config());
    fixture.upstream.behave({Behaviour::Kind::stream, 200, "", "", chunked, chunked ? kGiB / 4 : kGiB});
    const double before = resident_mib();
    double highest = 0;
    const auto client = fixture.client();
    client->keep = false;
    client->send("GET /big HTTP/1.0\r\nHost: a\r\n\r\n");
    uint64_t looked = 0;
    fixture.until("all of it", [&] {
      if (client->received_bytes - looked > (16 << 20)) {
        looked = client->received_bytes;
        highest = std::max(highest, resident_mib());
      }
      return client->over();
    });
    CHECK(client->ended);
    CHECK(client->received_bytes > (chunked ? kGiB / 4 : kGiB));
    CHECK(fixture.metric("tidegate_http_requests_total", {"big", "outcome=\"proxied\""}) == 1);
    MESSAGE("grown by " << highest - before << " MiB");
    CHECK(highest - before < kGrowthMaxMiB);
  }
}

TEST_CASE("a client that does not read slows the upstream down, and memory stays bounded") {
  Fixture fixture(roomy_config());
  fixture.upstream.behave({Behaviour::Kind::stream, 200, "", "", false, kGiB});
  const double before = resident_mib();
  const auto client = fixture.client(get("/big"));
  client->paused = true;
  fixture.until("the response has begun", [&] { return fixture.upstream.seen.size() == 1; });
  // Far more event-loop iterations than it takes to fill every buffer.
  for (int i = 0; i < 200; ++i) fixture.admin("/health");
  CHECK(resident_mib() - before < kGrowthMaxMiB);
  client->keep = false;
  client->resume();
  fixture.until("it goes on", [&] { return client->received_bytes > (64 << 20); });
}

}  // namespace tidegate::loopback
