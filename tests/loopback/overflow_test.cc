// Bodies that outgrow what may be kept while they are being passed on, and a disk that takes nothing.
#include <cstdlib>

#include "loopback/bed.h"

namespace tidegate::loopback {

namespace {

std::string keeping_config(const std::string& max_body) {
  return R"(
log: {access: all}
admin: {address: 127.0.0.1:0}
upstreams:
  up: {endpoints: ["{UP}"]}
queues:
  jobs: {url: "sqlite://{DIR}/jobs.db"}
listeners:
  - name: in
    address: 127.0.0.1:0
    limits: {body: 64MiB, body_timeout: 2s}
    routes:
      - name: keep
        match: {path: /keep}
        upstream: up
        timeout: {total: 5s}
        fallback: {enqueue: {queue: jobs, max_body: )" +
         max_body + "}}\n";
}

// Chunks of 4 KiB, each seen by the upstream before the next is sent: the reader is never behind.
void pass_in_step(Bed& bed, size_t chunks) {
  const auto client = bed.client("POST /keep HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  std::string body;
  for (size_t i = 0; i < chunks; ++i) {
    const std::string piece(4096, static_cast<char>('a' + i % 26));
    body += piece;
    client->send("1000\r\n" + piece + "\r\n");
    bed.until("the piece is through", [&] {
      return client->over() || (!bed.upstream.seen.empty() && bed.upstream.seen[0].body_bytes == body.size());
    });
    REQUIRE_FALSE(client->over());
  }
  client->send("0\r\n\r\n");
  CHECK(bed.next(*client).status == 200);
  CHECK((bed.upstream.seen.at(0).body == body));
}

// The folder of temporary files, for as long as this lives.
class TempFolder {
 public:
  explicit TempFolder(const char* path) { setenv("TMPDIR", path, 1); }
  ~TempFolder() { unsetenv("TMPDIR"); }
};

}  // namespace

TEST_CASE("a body of chunks that outgrows max_body passes on, wherever it was kept until then") {
  for (const char* max_body : {"32KiB", "128KiB", "200KiB", "512KiB"}) {
    CAPTURE(std::string(max_body));
    Bed bed(keeping_config(max_body));
    pass_in_step(bed, 200);
  }
}

TEST_CASE("where no temporary file can be made, a large body passes on") {
  Bed bed(keeping_config("32MiB"));
  const TempFolder nowhere("/nonexistent");
  pass_in_step(bed, 200);
}

TEST_CASE("where no temporary file can be made, a large body of known length passes on") {
  Bed bed(keeping_config("32MiB"));
  const TempFolder nowhere("/nonexistent");
  const std::string body(3'000'000, 'x');
  CHECK(bed.ask(post("/keep", body)).status == 200);
  CHECK(bed.upstream.seen.at(0).body_bytes == body.size());
}

}  // namespace tidegate::loopback
