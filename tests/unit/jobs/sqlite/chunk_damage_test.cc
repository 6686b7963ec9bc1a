// Large bodies that cannot be read, or are damaged, and what is deleted of them.
#include "unit/jobs/sqlite/chunk_fixture.h"

namespace tidegate::jobs {

TEST_CASE("a large body that cannot be read fails alone") {
  class UnreadableFile final : public net::FileContent {
   public:
    uint64_t size() const override { return 3 * kMiB; }
    Result<std::string> read_at(uint64_t offset, size_t count) const override {
      if (offset >= kMiB) return Error{ErrorCode::io, "read of a temporary file"};
      return std::string(count, 'x');
    }
  };
  ChunkFixture fixture;
  Asker asker(fixture);
  JobDraft draft = make_draft(fixture.home());
  draft.body = {"", std::make_shared<UnreadableFile>()};
  CHECK(asker.append(draft).error().code == ErrorCode::io);
  CHECK(fixture.queue().view().available);
  asker.append_new();
}

TEST_CASE("a damaged or missing chunk is never delivered: the job becomes a dead letter, the result is not returned") {
  for (const char* damage :
       {"UPDATE chunks SET bytes = CAST(zeroblob(length(bytes)) AS BLOB) WHERE n = 3", "DELETE FROM chunks WHERE n = 3",
        "UPDATE chunks SET n = 40 WHERE n = 3", "UPDATE chunks SET bytes = substr(bytes, 1, 9) WHERE n = 3"}) {
    ChunkFixture fixture;
    Asker asker(fixture);
    const std::string id = asker.append_new(large_bytes(2 * kMiB));
    fixture.close();
    fixture.change(damage);
    fixture.open();
    const ClaimedJob job = asker.claim();
    const auto reader = fixture.queue().open_body(fixture.home(), job);
    const auto read = [&](uint64_t at) {
      return ask<std::string>(fixture, [&](auto done) { return reader->read_at(at, 60'000, done); });
    };
    CHECK(read(2 * kChunkBytes).ok());
    CHECK(read(3 * kChunkBytes).error().code == ErrorCode::io);
    CHECK(asker.status(id) == JobStatus::dead);
    CHECK(asker.find(id)->last_error == "damaged_record");
    CHECK(fixture.queue().view().damaged_total == 1);
    CHECK(asker.succeed(job).error().code == ErrorCode::conflict);

    const std::string good = asker.append_new();
    REQUIRE(asker.succeed(asker.claim(), {200, {}, in_file(large_bytes(2 * kMiB))}).ok());
    REQUIRE(asker.purge(id).ok());
    fixture.run_until([&] { return fixture.rows("unowned") == 0; });
    fixture.close();
    fixture.change(damage);
    fixture.open();
    const auto result = asker.result(good);
    REQUIRE(result.ok());
    const auto piece =
        ask<std::string>(fixture, [&](auto done) { return result->body->read_at(3 * kChunkBytes, 60'000, done); });
    CHECK(piece.error().code == ErrorCode::io);
  }
}

TEST_CASE("a record that says another size or other chunks is damaged") {
  for (const char* damage : {"UPDATE jobs SET body_size = body_size - 1", "UPDATE jobs SET chunks = chunks + 1"}) {
    ChunkFixture fixture;
    Asker asker(fixture);
    const std::string id = asker.append_new(large_bytes(2 * kMiB));
    fixture.close();
    fixture.change(damage);
    fixture.open();
    CHECK(asker.nothing_to_claim());
    CHECK(asker.find(id)->last_error == "damaged_record");
  }
}

TEST_CASE("every end of a job with a large body deletes it, once") {
  ChunkFixture fixture;
  Asker asker(fixture);
  const auto append = [&] { return asker.append_new(large_bytes(kMiB)); };
  const std::string cancelled = append();
  REQUIRE(asker.cancel(cancelled).ok());
  fixture.await_bytes(0);
  const std::string dead = append();
  REQUIRE(asker.dead_letter(asker.claim()).ok());
  CHECK(fixture.bytes() == kMiB);
  REQUIRE(asker.replay(dead).ok());
  CHECK(asker.body_of(asker.claim()) == large_bytes(kMiB));
  fixture.restart();
  REQUIRE(asker.dead_letter(asker.claim()).ok());
  REQUIRE(asker.purge(dead).ok());
  fixture.await_bytes(0);
  JobDraft expired = large_draft(fixture.home(), large_bytes(kMiB));
  expired.expires_at = expired.created_at;
  REQUIRE(asker.append(expired).ok());
  CHECK(asker.nothing_to_claim());
  fixture.await_bytes(0);
  for (const std::string& id : {cancelled, expired.id}) REQUIRE(asker.purge(id).ok());
  fixture.await_bytes(0);
  CHECK(fixture.rows("chunks") == 0);
}

}  // namespace tidegate::jobs
