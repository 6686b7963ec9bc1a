// Large bodies and results: in chunks, written by many commits, between those of others.
#include "unit/jobs/sqlite/chunk_fixture.h"

namespace tidegate::jobs {

TEST_CASE("a large body and a large result come back whole, also after a restart, and leave nothing behind") {
  for (const size_t size : {kChunkBytes + 1, 4 * kChunkBytes, 5 * kMiB + 77}) {
    ChunkFixture fixture;
    Asker asker(fixture);
    const std::string body = large_bytes(size);
    const std::string answer = large_bytes(size + 1);
    const JobDraft draft = large_draft(fixture.home(), body);
    REQUIRE(asker.append(draft).ok());
    CHECK(fixture.bytes() == size);
    fixture.restart();
    CHECK(fixture.bytes() == size);
    const ClaimedJob job = asker.claim();
    CHECK(asker.body_of(job) == body);
    REQUIRE(asker.succeed(job, {200, {}, in_file(answer)}).ok());
    fixture.await_bytes(size + 1);
    fixture.restart();
    CHECK(fixture.bytes() == size + 1);
    const auto result = asker.result(draft.id);
    REQUIRE(result.ok());
    CHECK(asker.body_of(*result->body) == answer);
    REQUIRE(asker.purge(draft.id).ok());
    fixture.await_bytes(0);
    CHECK(fixture.rows("chunks") == 0);
    CHECK(fixture.rows("unowned") == 0);
    CHECK(fixture.rows("bodies") == 0);
  }
}

TEST_CASE("a body is in chunks from one byte more than a chunk; a smaller one is a value") {
  ChunkFixture fixture;
  Asker asker(fixture);
  asker.append_new(large_bytes(kChunkBytes));
  CHECK(fixture.rows("chunks") == 0);
  CHECK(fixture.rows("bodies") == 1);
  asker.append_new(large_bytes(kChunkBytes + 1));
  CHECK(fixture.rows("chunks") == 2);
  CHECK(fixture.rows("bodies") == 1);
}

TEST_CASE("small jobs that come while a large body is being written are durable before it") {
  class GatedFile final : public net::FileContent {
   public:
    uint64_t size() const override { return 24 * kMiB; }
    Result<std::string> read_at(uint64_t, size_t count) const override {
      open.wait(false);
      return std::string(count, 'x');
    }
    std::atomic<bool> open{false};
  };
  ChunkFixture fixture;
  std::string order;
  std::vector<OperationPtr> operations;
  const auto append = [&](JobDraft draft, char name) {
    operations.push_back(
        fixture.queue().append(fixture.home(), std::move(draft), [&order, name](const Result<Appended>& appended) {
          REQUIRE(appended.ok());
          order += name;
        }));
  };
  const auto file = std::make_shared<GatedFile>();
  JobDraft large = make_draft(fixture.home());
  large.body = {"", file};
  append(std::move(large), 'L');
  for (int i = 0; i < 5; ++i) append(make_draft(fixture.home()), 's');
  file->open = true;
  file->open.notify_all();
  fixture.run_until([&] { return order.size() == 6; });
  CHECK(order == "sssssL");
  CHECK(fixture.commits >= 12);
}

TEST_CASE("several large bodies at once are all stored, and the WAL stays short") {
  ChunkFixture fixture;
  std::vector<OperationPtr> operations;
  int kept = 0;
  uint64_t wal_max = 0;
  for (size_t i = 0; i < 4; ++i) {
    operations.push_back(fixture.queue().append(fixture.home(), large_draft(fixture.home(), large_bytes(12 * kMiB + i)),
                                                [&](const Result<Appended>& appended) { kept += appended.ok(); }));
  }
  fixture.run_until([&] {
    wal_max = std::max<uint64_t>(wal_max, std::filesystem::file_size(fixture.path() + "-wal"));
    return kept == 4;
  });
  CHECK(wal_max < 17 * kMiB);
  Asker asker(fixture);
  size_t seen = 0;
  for (int i = 0; i < 4; ++i) {
    const ClaimedJob job = asker.claim();
    seen += job.body_size - 12 * kMiB;
    CHECK(asker.body_of(job) == large_bytes(job.body_size));
  }
  CHECK(seen == 0 + 1 + 2 + 3);
}

TEST_CASE("what a caller that has gone has had written of a large body is deleted") {
  ChunkFixture fixture;
  Asker asker(fixture);
  auto large = fixture.queue().append(fixture.home(), large_draft(fixture.home(), large_bytes(16 * kMiB)),
                                      [](auto) { FAIL("not silent"); });
  while (fixture.commits < 2) fixture.let_store_work();
  large.reset();
  fixture.run_until([&] {  // a sweep is due once a second
    fixture.queue().tidy(fixture.home());
    return fixture.bytes() == 0;
  });
  CHECK(fixture.rows("chunks") == 0);
  CHECK(fixture.rows("unowned") == 0);
  CHECK(asker.nothing_to_claim());
}

TEST_CASE("what a process that has ended had written of a large body is deleted by the next one") {
  ChunkFixture fixture;
  Asker asker(fixture);
  const std::string id = asker.append_new(large_bytes(2 * kMiB));
  fixture.close();
  // As a process leaves it that ends before the last step.
  fixture.change("INSERT INTO chunks SELECT owner + 1, n, crc, bytes FROM chunks");
  fixture.change("INSERT INTO unowned SELECT max(owner), 9000000 FROM chunks");
  fixture.open();
  fixture.await_bytes(2 * kMiB);
  CHECK(fixture.rows("chunks") == 8);
  const std::string next = asker.append_new(large_bytes(kMiB + 1));
  CHECK(asker.claim().id == id);
  const ClaimedJob job = asker.claim();
  CHECK(job.id == next);
  CHECK(asker.body_of(job) == large_bytes(kMiB + 1));
}

TEST_CASE("a large body with a key is one job, and is refused with another body") {
  ChunkFixture fixture;
  Asker asker(fixture);
  JobDraft draft = large_draft(fixture.home(), large_bytes(3 * kMiB));
  draft.dedupe_key = "key";
  REQUIRE(asker.append(draft).ok());
  JobDraft again = large_draft(fixture.home(), large_bytes(3 * kMiB));
  again.dedupe_key = "key";
  const auto second = asker.append(again);
  REQUIRE(second.ok());
  CHECK(second->existing);
  CHECK(second->id == draft.id);
  JobDraft other = large_draft(fixture.home(), large_bytes(3 * kMiB + 1));
  other.dedupe_key = "key";
  CHECK(asker.append(other).error().code == ErrorCode::invalid);
  CHECK(fixture.bytes() == 3 * kMiB);
}

TEST_CASE("of two large bodies with one key, sent at once, one job is made") {
  ChunkFixture fixture;
  std::vector<Result<Appended>> answers;
  std::vector<OperationPtr> operations;
  for (int i = 0; i < 2; ++i) {
    JobDraft draft = large_draft(fixture.home(), large_bytes(3 * kMiB));
    draft.dedupe_key = "key";
    operations.push_back(fixture.queue().append(
        fixture.home(), draft, [&](Result<Appended> appended) { answers.push_back(std::move(appended)); }));
  }
  fixture.run_until([&] { return answers.size() == 2; });
  REQUIRE(answers[0].ok());
  REQUIRE(answers[1].ok());
  CHECK(answers[0]->id == answers[1]->id);
  CHECK(answers[0]->existing != answers[1]->existing);
  CHECK(fixture.queue().view().depth[static_cast<size_t>(JobStatus::queued)] == 1);
}

TEST_CASE("bytes of a large body are reserved from its first step: two that do not fit together are not both stored") {
  QueueLimits limits;
  limits.max_bytes = 5 * kMiB;
  ChunkFixture fixture(limits);
  int kept = 0;
  int full = 0;
  std::vector<OperationPtr> operations;
  for (int i = 0; i < 2; ++i) {
    operations.push_back(fixture.queue().append(
        fixture.home(), large_draft(fixture.home(), large_bytes(3 * kMiB)), [&](const Result<Appended>& appended) {
          appended.ok() ? ++kept : full += appended.error().code == ErrorCode::exhausted;
        }));
  }
  fixture.run_until([&] { return kept + full == 2; });
  CHECK(kept == 1);
  CHECK(full == 1);
}

}  // namespace tidegate::jobs
