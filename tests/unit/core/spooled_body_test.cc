// A body that is kept while it passes: memory, then a file, then only what has not been read yet.
#include "unit/core/spooled_body_fixture.h"

namespace tidegate::core {

TEST_CASE("a small body stays in memory and can be read from any position again") {
  KeptBodyFixture fixture(kBodyMiB);
  fixture.append_all(SpooledBody::kMemoryMax);
  CHECK(fixture.body.has_room());
  CHECK(fixture.body.kept());
  CHECK_FALSE(fixture.body.settled());
  CHECK_FALSE(fixture.body.in_file(0));
  fixture.body.end();
  CHECK(fixture.body.settled());
  CHECK(fixture.read_from(0) == body_pattern(SpooledBody::kMemoryMax));
  CHECK(fixture.read_from(1000) == body_pattern(SpooledBody::kMemoryMax - 1000, 1000));
  CHECK(fixture.read_from(0) == body_pattern(SpooledBody::kMemoryMax));
  const jobs::BodyContent content = fixture.body.take_content();
  CHECK(content.file == nullptr);
  CHECK(content.memory == body_pattern(SpooledBody::kMemoryMax));
}

TEST_CASE("one byte more than memory takes goes to a file, and all of it can be read again from 0") {
  KeptBodyFixture fixture(kBodyMiB);
  fixture.append_all(SpooledBody::kMemoryMax + 1);
  fixture.body.end();
  CHECK_FALSE(fixture.body.settled());  // on its way to the disk
  CHECK(fixture.body.peek(0).empty());
  fixture.settle();
  CHECK(fixture.body.settled());
  CHECK(fixture.changes > 0);
  CHECK(fixture.body.in_file(0));
  for (int i = 0; i < 2; ++i) CHECK(fixture.read_from(0) == body_pattern(SpooledBody::kMemoryMax + 1));
  CHECK(fixture.read_from(SpooledBody::kMemoryMax - 5) == body_pattern(6, SpooledBody::kMemoryMax - 5));
}

TEST_CASE("the content given to a store outlives the body") {
  jobs::BodyContent content;
  {
    KeptBodyFixture fixture(kBodyMiB);
    fixture.append_all(700'000);
    fixture.body.end();
    fixture.settle();
    content = fixture.body.take_content();
    CHECK(content.size() == 700'000);
    CHECK(content_of(content) == body_pattern(700'000));
  }
  CHECK(content_of(content) == body_pattern(700'000));
}

TEST_CASE("there is no room while more than a buffer waits for the disk; room is reported") {
  KeptBodyFixture fixture(10 * kBodyMiB);
  fixture.append_all(SpooledBody::kMemoryMax);
  CHECK(fixture.body.has_room());
  fixture.append_all(SpooledBody::kBufferMax);  // begins the file
  fixture.append_all(SpooledBody::kBufferMax);  // waits for that write
  CHECK_FALSE(fixture.body.has_room());
  const int before = fixture.changes;
  fixture.settle();
  CHECK(fixture.changes > before);
  CHECK(fixture.body.has_room());
  fixture.body.end();
  CHECK(fixture.read_from(0).size() == SpooledBody::kMemoryMax + 2 * SpooledBody::kBufferMax);
}

TEST_CASE("reading and writing the file at once, in any order, gives every byte at its position") {
  KeptBodyFixture fixture(10 * kBodyMiB);
  fixture.append_all(400'000);
  fixture.settle();
  std::string first;
  fixture.body.read_file(0, [&](Result<std::string> bytes) { first = *bytes; });
  fixture.append_all(200'000);  // while that reads
  fixture.settle();
  CHECK(first == body_pattern(first.size()));
  CHECK_FALSE(first.empty());
  fixture.append_all(100'000);
  std::string second;
  fixture.body.read_file(first.size(), [&](Result<std::string> bytes) { second = *bytes; });  // while that writes
  fixture.settle();
  CHECK(second == body_pattern(second.size(), first.size()));
  fixture.body.end();
  fixture.settle();
  CHECK(fixture.read_from(0) == body_pattern(700'000));
}

TEST_CASE("a body that passes from the start holds only what has not been read") {
  KeptBodyFixture fixture(0);
  CHECK_FALSE(fixture.body.kept());
  fixture.append_all(SpooledBody::kBufferMax);
  CHECK_FALSE(fixture.body.has_room());
  CHECK(fixture.body.peek(0) == body_pattern(SpooledBody::kBufferMax));
  fixture.body.consumed(1000);
  CHECK(fixture.body.has_room());
  CHECK(fixture.body.lost(0));
  CHECK(fixture.body.peek(0).empty());
  CHECK(fixture.body.peek(1000) == body_pattern(SpooledBody::kBufferMax - 1000, 1000));
  fixture.body.consumed(SpooledBody::kBufferMax);
  fixture.body.append_delivered(body_pattern(500, SpooledBody::kBufferMax));
  CHECK(fixture.body.received() == SpooledBody::kBufferMax + 500);
  CHECK_FALSE(fixture.body.lost(fixture.body.received()));
  fixture.body.end();
  CHECK_FALSE(fixture.body.settled());
}

TEST_CASE("a body larger than keep_max in memory goes on as one that passes, and loses nothing unread") {
  KeptBodyFixture fixture(100'000);
  fixture.append_all(100'000);
  CHECK(fixture.body.kept());
  fixture.append_all(1);
  CHECK_FALSE(fixture.body.kept());
  CHECK_FALSE(fixture.body.lost(0));
  CHECK(fixture.body.peek(0) == body_pattern(100'001));
  fixture.body.consumed(100'001);
  CHECK(fixture.body.has_room());
}

TEST_CASE("a body larger than keep_max in its file can be read to its end by a slow reader") {
  KeptBodyFixture fixture(400'000);
  fixture.append_all(400'000);
  fixture.settle();
  CHECK(fixture.body.kept());
  fixture.append_all(200'000);
  CHECK_FALSE(fixture.body.kept());
  fixture.settle();
  CHECK(fixture.read_from(0) == body_pattern(600'000));
  fixture.body.end();
  CHECK_FALSE(fixture.body.settled());
}

TEST_CASE("delivered bytes beyond keep_max are not held, and a file that they outgrew is closed") {
  for (const uint64_t keep_max : {uint64_t{32'000}, uint64_t{200'000}, uint64_t{400'000}}) {
    CAPTURE(keep_max);
    KeptBodyFixture fixture(keep_max);
    for (int i = 0; i < 200; ++i) {
      fixture.body.append_delivered(body_pattern(5'000, fixture.body.received()));
      fixture.settle();
      CHECK(fixture.body.has_room());
      CHECK(fixture.body.kept() == (fixture.body.received() <= keep_max));
    }
    CHECK(fixture.body.received() == 1'000'000);
    CHECK(fixture.body.lost(999'999));
    CHECK_FALSE(fixture.body.in_file(0));
  }
}

TEST_CASE("stop_keeping in memory keeps what has not been read, no more") {
  KeptBodyFixture fixture(kBodyMiB);
  fixture.append_all(50'000);
  fixture.body.stop_keeping(30'000);
  CHECK_FALSE(fixture.body.kept());
  CHECK(fixture.body.lost(29'999));
  CHECK(fixture.body.peek(30'000) == body_pattern(20'000, 30'000));
}

TEST_CASE("stop_keeping closes a file only once the reader has caught up") {
  KeptBodyFixture fixture(kBodyMiB);
  fixture.append_all(300'000);
  fixture.settle();
  fixture.body.stop_keeping(299'999);
  CHECK(fixture.body.kept());
  CHECK(fixture.body.in_file(0));
  fixture.body.stop_keeping(300'000);
  CHECK_FALSE(fixture.body.kept());
  CHECK(fixture.body.lost(0));
  fixture.append_all(1000);
  CHECK(fixture.body.peek(300'000) == body_pattern(1000, 300'000));
}

TEST_CASE("stop_keeping while a write is under way is silent and harmless") {
  KeptBodyFixture fixture(kBodyMiB);
  fixture.append_all(300'000);
  fixture.body.stop_keeping(300'000);
  const int before = fixture.changes;
  fixture.settle();
  CHECK(fixture.changes == before);
  fixture.append_all(10);
  CHECK(fixture.body.peek(300'000) == body_pattern(10, 300'000));
}

TEST_CASE("destroying the body in the middle of a write or a read is silent") {
  net::SimRuntime runtime(9);
  BufferBudget budget(64 * kBodyMiB);
  int calls = 0;
  {
    SpooledBody body(runtime, budget, {kBodyMiB}, [&] { ++calls; });
    body.append(body_pattern(300'000));
  }
  {
    SpooledBody body(runtime, budget, {kBodyMiB}, [&] {});
    body.append(body_pattern(300'000));
    runtime.run_for(1s);
    body.read_file(0, [&](Result<std::string>) { ++calls; });
  }
  runtime.run_for(1s);
  CHECK(calls == 0);
  CHECK(runtime.open_operations() == 0);
}

}  // namespace tidegate::core
