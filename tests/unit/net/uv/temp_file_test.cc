// Temporary files and random identifiers: one contract, both runtimes.
#include <set>

#include "base/random.h"
#include "unit/net/peer.h"

using namespace tidegate;
using namespace tidegate::test;

namespace {

template <typename Loop>
struct Disk {
  Status append(std::string bytes) {
    std::optional<Status> answer;
    file->append(std::move(bytes), [&](Status status, const std::string&) { answer = std::move(status); });
    CHECK_FALSE(answer);  // later, never inside the call
    REQUIRE(loop.run_until([&] { return answer.has_value(); }));
    return *answer;
  }
  std::string read(uint64_t offset, size_t count) {
    std::optional<Result<std::string>> answer;
    file->read_at(offset, count, [&](Result<std::string> text) { answer = std::move(text); });
    CHECK_FALSE(answer);
    REQUIRE(loop.run_until([&] { return answer.has_value(); }));
    REQUIRE(answer->ok());
    return **answer;
  }

  Loop loop;
  std::unique_ptr<net::TempFile> file = loop.runtime().make_temp_file();
};

}  // namespace

TEST_ON_BOTH_RUNTIMES("What is appended is read back, from anywhere") {
  Disk<Loop> disk;
  CHECK(disk.file->size() == 0);
  CHECK(disk.append("tide").ok());
  CHECK(disk.append("gate").ok());
  CHECK(disk.append("").ok());
  CHECK(disk.file->size() == 8);
  CHECK(disk.read(0, 8) == "tidegate");
  CHECK(disk.read(2, 4) == "dega");
  CHECK(disk.read(6, 100) == "te");
  CHECK(disk.read(8, 1).empty());
  CHECK(disk.read(1'000'000, 1).empty());
  CHECK(disk.read(0, 0).empty());
}

TEST_ON_BOTH_RUNTIMES("Megabytes in pieces come back whole") {
  Disk<Loop> disk;
  Random random(5);
  std::string all;
  for (int i = 0; i < 20; ++i) {
    std::string piece(1 + random.below(400'000), '\0');
    for (char& c : piece) c = static_cast<char>(random.next() >> 56);
    all += piece;
    REQUIRE(disk.append(std::move(piece)).ok());
  }
  REQUIRE(disk.file->size() == all.size());
  std::string back;
  while (back.size() < all.size()) back += disk.read(back.size(), 256 * 1024);
  CHECK(back == all);
}

TEST_ON_BOTH_RUNTIMES("The content lives on after its file") {
  Disk<Loop> disk;
  REQUIRE(disk.append("kept for the store").ok());
  const std::shared_ptr<const net::FileContent> content = disk.file->content();
  disk.file.reset();
  CHECK(content->size() == 18);
  const auto text = content->read_at(9, 100);
  REQUIRE(text.ok());
  CHECK(*text == "the store");
  const auto past = content->read_at(18, 10);
  REQUIRE(past.ok());
  CHECK(past->empty());
}

TEST_ON_BOTH_RUNTIMES("A file destroyed with an append under way is silent") {
  Disk<Loop> disk;
  int answers = 0;
  disk.file->append(std::string(3'000'000, 'x'), [&](auto, auto) { ++answers; });
  disk.file.reset();
  settle(disk.loop);
  CHECK(answers == 0);
}

TEST_ON_BOTH_RUNTIMES("A file destroyed with a read under way is silent") {
  Disk<Loop> disk;
  REQUIRE(disk.append("abc").ok());
  int answers = 0;
  disk.file->read_at(0, 3, [&](auto) { ++answers; });
  disk.file.reset();
  settle(disk.loop);
  CHECK(answers == 0);
}

TEST_ON_BOTH_RUNTIMES("A file may be destroyed inside its own callbacks") {
  for (const bool reading : {false, true}) {
    Disk<Loop> disk;
    REQUIRE(disk.append("abc").ok());
    const auto token = std::make_shared<std::string>("still here");
    std::string seen;
    const auto let_go = [&seen, &disk, token](const auto&...) {
      disk.file.reset();
      seen = *token;
    };
    if (reading) {
      disk.file->read_at(0, 3, let_go);
    } else {
      disk.file->append("def", let_go);
    }
    REQUIRE(disk.loop.run_until([&] { return disk.file == nullptr; }));
    CHECK(seen == "still here");
  }
}

TEST_ON_BOTH_RUNTIMES("The next operation may begin inside the callback of the one before") {
  Disk<Loop> disk;
  std::string back;
  disk.file->append("one ", [&](auto, auto) {
    disk.file->append("two", [&](auto, auto) {
      disk.file->read_at(0, 100, [&](auto text) {
        REQUIRE(text.ok());
        back = *text;
      });
    });
  });
  REQUIRE(disk.loop.run_until([&] { return !back.empty(); }));
  CHECK(back == "one two");
}

TEST_ON_BOTH_RUNTIMES("Random identifiers are all different and none is trivial") {
  Loop loop;
  std::set<IdBytes> ids;
  for (int i = 0; i < 10'000; ++i) ids.insert(loop.runtime().random_id());
  CHECK(ids.size() == 10'000);
  CHECK_FALSE(ids.contains(IdBytes{}));
}

TEST_ON_BOTH_RUNTIMES("The loop's generator gives the whole range") {
  Loop loop;
  uint64_t all = 0, none = ~uint64_t{0};
  for (int i = 0; i < 200; ++i) {
    const uint64_t word = loop.runtime().random().next();
    all |= word;
    none &= word;
  }
  CHECK(all == ~uint64_t{0});
  CHECK(none == 0);
}

TEST_CASE("SimRuntime's disk can be full, and has room again when a file is deleted") {
  Disk<SimLoop> disk;
  disk.loop.impl.set_disk_limit(10);
  CHECK(disk.append("12345678").ok());
  const Status full = disk.append("9ab");
  REQUIRE_FALSE(full.ok());
  CHECK(full.error().code == ErrorCode::exhausted);
  CHECK(disk.file->size() == 8);
  CHECK(disk.read(0, 100) == "12345678");
  CHECK(disk.append("9a").ok());

  auto second = disk.loop.impl.make_temp_file();
  std::swap(disk.file, second);
  CHECK_FALSE(disk.append("b").ok());
  second.reset();
  CHECK(disk.append("0123456789").ok());
}
