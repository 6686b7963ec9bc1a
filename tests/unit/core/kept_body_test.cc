// A body that is kept while it passes: memory, then a file, then only what has not been read yet.
#include "core/spooled_body.h"

#include <doctest/doctest.h>

#include "net/sim/sim_runtime.h"

namespace tidegate::core {

namespace {

constexpr size_t kMiB = 1 << 20;

// Different at every place, so that a piece from the wrong place is seen.
std::string pattern(size_t size, size_t from = 0) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>((from + i) * 2654435761u >> 13);
  return bytes;
}

struct Rig {
  explicit Rig(uint64_t keep_max) : body(runtime, keep_max, [this] { ++changes; }) {}

  void settle() { runtime.run_for(1s); }

  void append_all(size_t size, size_t piece = 50'000) {
    for (size_t at = body.received(); size > 0;) {
      const size_t now = std::min(size, piece);
      body.append(pattern(now, at));
      at += now;
      size -= now;
    }
  }

  std::string read_from(uint64_t position) {
    std::string all;
    while (position < body.received()) {
      std::string piece(body.peek(position));
      if (piece.empty()) {
        REQUIRE(body.in_file(position));
        body.read_file(position, [&](Result<std::string> bytes) {
          REQUIRE(bytes.ok());
          piece = *bytes;
        });
        CHECK(piece.empty());  // later, never inside the call
        settle();
      }
      REQUIRE_FALSE(piece.empty());
      all += piece;
      position += piece.size();
    }
    return all;
  }

  net::SimRuntime runtime{3};
  int changes = 0;
  SpooledBody body;
};

std::string content_of(const jobs::BodyContent& content) {
  if (!content.file) return content.memory;
  auto bytes = content.file->read_at(0, content.file->size());
  REQUIRE(bytes.ok());
  return *bytes;
}

}  // namespace

TEST_CASE("a small body stays in memory and can be read from any place again") {
  Rig rig(kMiB);
  rig.append_all(SpooledBody::kMemoryMax);
  CHECK(rig.body.has_room());
  CHECK(rig.body.kept());
  CHECK_FALSE(rig.body.settled());
  CHECK_FALSE(rig.body.in_file(0));
  rig.body.end();
  CHECK(rig.body.settled());
  CHECK(rig.read_from(0) == pattern(SpooledBody::kMemoryMax));
  CHECK(rig.read_from(1000) == pattern(SpooledBody::kMemoryMax - 1000, 1000));
  CHECK(rig.read_from(0) == pattern(SpooledBody::kMemoryMax));
  const jobs::BodyContent content = rig.body.take_content();
  CHECK(content.file == nullptr);
  CHECK(content.memory == pattern(SpooledBody::kMemoryMax));
}

TEST_CASE("one byte more than memory takes goes to a file, and all of it can be read again from 0") {
  Rig rig(kMiB);
  rig.append_all(SpooledBody::kMemoryMax + 1);
  rig.body.end();
  CHECK_FALSE(rig.body.settled());  // on its way to the disk
  CHECK(rig.body.peek(0).empty());
  rig.settle();
  CHECK(rig.body.settled());
  CHECK(rig.changes > 0);
  CHECK(rig.body.in_file(0));
  for (int i = 0; i < 2; ++i) CHECK(rig.read_from(0) == pattern(SpooledBody::kMemoryMax + 1));
  CHECK(rig.read_from(SpooledBody::kMemoryMax - 5) == pattern(6, SpooledBody::kMemoryMax - 5));
}

TEST_CASE("what a store is given outlives the body") {
  jobs::BodyContent content;
  {
    Rig rig(kMiB);
    rig.append_all(700'000);
    rig.body.end();
    rig.settle();
    content = rig.body.take_content();
    CHECK(content.size() == 700'000);
    CHECK(content_of(content) == pattern(700'000));
  }
  CHECK(content_of(content) == pattern(700'000));
}

TEST_CASE("there is no room while more than a buffer waits for the disk; room is told") {
  Rig rig(10 * kMiB);
  rig.append_all(SpooledBody::kMemoryMax);
  CHECK(rig.body.has_room());
  rig.append_all(SpooledBody::kBufferMax);  // begins the file
  rig.append_all(SpooledBody::kBufferMax);  // waits for that write
  CHECK_FALSE(rig.body.has_room());
  const int before = rig.changes;
  rig.settle();
  CHECK(rig.changes > before);
  CHECK(rig.body.has_room());
  rig.body.end();
  CHECK(rig.read_from(0).size() == SpooledBody::kMemoryMax + 2 * SpooledBody::kBufferMax);
}

TEST_CASE("reading and writing the file at once, in any order, gives every byte in its place") {
  Rig rig(10 * kMiB);
  rig.append_all(400'000);
  rig.settle();
  std::string first;
  rig.body.read_file(0, [&](Result<std::string> bytes) { first = *bytes; });
  rig.append_all(200'000);  // while that reads
  rig.settle();
  CHECK(first == pattern(first.size()));
  CHECK_FALSE(first.empty());
  rig.append_all(100'000);
  std::string second;
  rig.body.read_file(first.size(), [&](Result<std::string> bytes) { second = *bytes; });  // while that writes
  rig.settle();
  CHECK(second == pattern(second.size(), first.size()));
  rig.body.end();
  rig.settle();
  CHECK(rig.read_from(0) == pattern(700'000));
}

TEST_CASE("a body that passes from the start holds only what has not been read") {
  Rig rig(0);
  CHECK_FALSE(rig.body.kept());
  rig.append_all(SpooledBody::kBufferMax);
  CHECK_FALSE(rig.body.has_room());
  CHECK(rig.body.peek(0) == pattern(SpooledBody::kBufferMax));
  rig.body.consumed(1000);
  CHECK(rig.body.has_room());
  CHECK(rig.body.lost(0));
  CHECK(rig.body.peek(0).empty());
  CHECK(rig.body.peek(1000) == pattern(SpooledBody::kBufferMax - 1000, 1000));
  rig.body.consumed(SpooledBody::kBufferMax);
  rig.body.append_delivered(pattern(500, SpooledBody::kBufferMax));
  CHECK(rig.body.received() == SpooledBody::kBufferMax + 500);
  CHECK_FALSE(rig.body.lost(rig.body.received()));
  rig.body.end();
  CHECK_FALSE(rig.body.settled());
}

TEST_CASE("a body larger than keep_max in memory goes on as one that passes, and loses nothing unread") {
  Rig rig(100'000);
  rig.append_all(100'000);
  CHECK(rig.body.kept());
  rig.append_all(1);
  CHECK_FALSE(rig.body.kept());
  CHECK_FALSE(rig.body.lost(0));
  CHECK(rig.body.peek(0) == pattern(100'001));
  rig.body.consumed(100'001);
  CHECK(rig.body.has_room());
}

TEST_CASE("a body larger than keep_max in its file can be read on to its end by one who lags") {
  Rig rig(400'000);
  rig.append_all(400'000);
  rig.settle();
  CHECK(rig.body.kept());
  rig.append_all(200'000);
  CHECK_FALSE(rig.body.kept());
  rig.settle();
  CHECK(rig.read_from(0) == pattern(600'000));
  rig.body.end();
  CHECK_FALSE(rig.body.settled());
}

TEST_CASE("delivered bytes beyond keep_max are not held, and a file they outgrew is let go") {
  for (const uint64_t keep_max : {uint64_t{32'000}, uint64_t{200'000}, uint64_t{400'000}}) {
    CAPTURE(keep_max);
    Rig rig(keep_max);
    for (int i = 0; i < 200; ++i) {
      rig.body.append_delivered(pattern(5'000, rig.body.received()));
      rig.settle();
      CHECK(rig.body.has_room());
      CHECK(rig.body.kept() == (rig.body.received() <= keep_max));
    }
    CHECK(rig.body.received() == 1'000'000);
    CHECK(rig.body.lost(999'999));
    CHECK_FALSE(rig.body.in_file(0));
  }
}

TEST_CASE("stop_keeping in memory keeps what has not been read, no more") {
  Rig rig(kMiB);
  rig.append_all(50'000);
  rig.body.stop_keeping(30'000);
  CHECK_FALSE(rig.body.kept());
  CHECK(rig.body.lost(29'999));
  CHECK(rig.body.peek(30'000) == pattern(20'000, 30'000));
}

TEST_CASE("stop_keeping lets a file go only once the reader has caught up") {
  Rig rig(kMiB);
  rig.append_all(300'000);
  rig.settle();
  rig.body.stop_keeping(299'999);
  CHECK(rig.body.kept());
  CHECK(rig.body.in_file(0));
  rig.body.stop_keeping(300'000);
  CHECK_FALSE(rig.body.kept());
  CHECK(rig.body.lost(0));
  rig.append_all(1000);
  CHECK(rig.body.peek(300'000) == pattern(1000, 300'000));
}

TEST_CASE("stop_keeping while a write is under way is silent and harmless") {
  Rig rig(kMiB);
  rig.append_all(300'000);
  rig.body.stop_keeping(300'000);
  const int before = rig.changes;
  rig.settle();
  CHECK(rig.changes == before);
  rig.append_all(10);
  CHECK(rig.body.peek(300'000) == pattern(10, 300'000));
}

TEST_CASE("a full disk: from then on the body passes, and whoever has read on goes on") {
  Rig rig(10 * kMiB);
  rig.runtime.set_disk_limit(350'000);
  rig.append_all(300'000);
  rig.settle();
  CHECK(rig.body.kept());
  rig.append_all(100'000, 100'000);  // crosses the limit
  rig.append_all(1'000);             // waits behind it
  rig.settle();
  CHECK_FALSE(rig.body.kept());
  CHECK_FALSE(rig.body.settled());
  CHECK(rig.body.lost(0));
  CHECK(rig.body.lost(399'999));
  CHECK(rig.changes > 0);
  CHECK_FALSE(rig.body.lost(400'000));
  CHECK(rig.body.peek(400'000) == pattern(1'000, 400'000));
  rig.append_all(500);
  CHECK(rig.body.peek(401'000) == pattern(500, 401'000));
}

TEST_CASE("a full disk answers a read that waits for the write") {
  Rig rig(10 * kMiB);
  rig.runtime.set_disk_limit(310'000);
  rig.append_all(300'000);
  rig.settle();
  rig.append_all(100'000, 100'000);
  int answered = 0;
  rig.body.read_file(0, [&](Result<std::string> bytes) {
    ++answered;
    CHECK_FALSE(bytes.ok());
  });
  rig.settle();
  CHECK(answered == 1);
  CHECK_FALSE(rig.body.kept());
}

TEST_CASE("destroying the body in the middle of a write or a read is silent") {
  net::SimRuntime runtime(9);
  int calls = 0;
  {
    SpooledBody body(runtime, kMiB, [&] { ++calls; });
    body.append(pattern(300'000));
  }
  {
    SpooledBody body(runtime, kMiB, [&] {});
    body.append(pattern(300'000));
    runtime.run_for(1s);
    body.read_file(0, [&](Result<std::string>) { ++calls; });
  }
  runtime.run_for(1s);
  CHECK(calls == 0);
  CHECK(runtime.open_operations() == 0);
}

}  // namespace tidegate::core
