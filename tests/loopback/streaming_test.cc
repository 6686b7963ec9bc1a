// Bodies far larger than any buffer: made as they are sent, counted as they come, held by nobody. Client, Tidegate and
// upstream share this process, so its memory bounds all three.
#include <unistd.h>

#include <cstdio>

#include "loopback/bed.h"

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

std::string roomy_config(const std::string& fallback) {
  return R"(
admin: {address: 127.0.0.1:0}
upstreams:
  up: {endpoints: ["{UP}"]}
queues:
  jobs: {url: "sqlite://{DIR}/jobs.db"}
listeners:
  - name: in
    address: 127.0.0.1:0
    limits: {body: 2GiB}
    routes:
      - name: big
        match: {path: /big}
        upstream: up
        timeout: {total: 10m, per_try: 10m, response_header: 1m}
)" + fallback;
}

// Sends `size` bytes as fast as they are taken, in chunks or counted, and watches the process's memory.
double upload(Bed& bed, uint64_t size, bool chunked) {
  bed.upstream.keep_bodies = false;
  const std::string piece(64 * 1024, 'x');
  const std::string framed = chunked ? "10000\r\n" + piece + "\r\n" : piece;
  const std::string framing = chunked ? "Transfer-Encoding: chunked" : "Content-Length: " + std::to_string(size);
  const auto client = bed.client("POST /big HTTP/1.1\r\nHost: a\r\n" + framing + "\r\n\r\n");
  bed.until("it is connected", [&] { return client->connected(); });
  uint64_t sent = 0;
  double highest = 0;
  net::Timer tick(bed.runtime, [] {});
  while (sent < size) {
    REQUIRE_FALSE(client->over());
    while (sent < size && client->write_pending() == 0) {
      client->send(framed);
      sent += piece.size();
    }
    if (sent % (16 << 20) == 0) highest = std::max(highest, resident_mib());
    if (!tick.active()) tick.start_after(50ms);
    bed.runtime.run_once();
  }
  if (chunked) client->send("0\r\n\r\n");
  const Reply reply = bed.next(*client);
  CHECK(reply.status == 200);
  CHECK(bed.upstream.seen.at(0).whole);
  CHECK(bed.upstream.seen.at(0).body_bytes == size);
  return std::max(highest, resident_mib());
}

}  // namespace

TEST_CASE("an upload of 1 GiB passes through in bounded memory") {
  Bed bed(roomy_config(""));
  const double before = resident_mib();
  const double grown = upload(bed, kGiB, false) - before;
  MESSAGE("grown by " << grown << " MiB");
  CHECK(grown < kGrowthMaxMiB);
}

TEST_CASE("an upload larger than the queue takes passes through in bounded memory") {
  for (const bool chunked : {false, true}) {
    CAPTURE(chunked);
    Bed bed(roomy_config("        fallback: {enqueue: {queue: jobs, max_body: 1MiB}}\n"));
    const double before = resident_mib();
    const double grown = upload(bed, kGiB / 4, chunked) - before;
    MESSAGE("grown by " << grown << " MiB");
    CHECK(grown < kGrowthMaxMiB);
  }
}

TEST_CASE("a download of 1 GiB passes through in bounded memory, counted or in chunks") {
  for (const bool chunked : {false, true}) {
    CAPTURE(chunked);
    Bed bed(roomy_config(""));
    bed.upstream.behave({Behaviour::Kind::stream, 200, "", "", chunked, chunked ? kGiB / 4 : kGiB});
    const double before = resident_mib();
    double highest = 0;
    const auto client = bed.client();
    client->keep = false;
    client->send("GET /big HTTP/1.0\r\nHost: a\r\n\r\n");
    uint64_t looked = 0;
    bed.until("all of it", [&] {
      if (client->received_bytes - looked > (16 << 20)) {
        looked = client->received_bytes;
        highest = std::max(highest, resident_mib());
      }
      return client->over();
    });
    CHECK(client->ended);
    CHECK(client->received_bytes > (chunked ? kGiB / 4 : kGiB));
    CHECK(bed.metric("tidegate_http_requests_total", {"big", "outcome=\"proxied\""}) == 1);
    MESSAGE("grown by " << highest - before << " MiB");
    CHECK(highest - before < kGrowthMaxMiB);
  }
}

TEST_CASE("a client that does not read stops the upstream, not the memory") {
  Bed bed(roomy_config(""));
  bed.upstream.behave({Behaviour::Kind::stream, 200, "", "", false, kGiB});
  const double before = resident_mib();
  const auto client = bed.client(get("/big"));
  client->paused = true;
  bed.until("the answer has begun", [&] { return bed.upstream.seen.size() == 1; });
  // Many turns: far more than it takes to fill every buffer on the way.
  for (int i = 0; i < 200; ++i) bed.admin("/health");
  CHECK(resident_mib() - before < kGrowthMaxMiB);
  client->keep = false;
  client->resume();
  bed.until("it goes on", [&] { return client->received_bytes > (64 << 20); });
}

}  // namespace tidegate::loopback
