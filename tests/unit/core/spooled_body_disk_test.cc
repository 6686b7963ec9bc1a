// A kept body, and a disk that is full.
#include "unit/core/spooled_body_fixture.h"

namespace tidegate::core {

TEST_CASE("a full disk: from then on the body passes through, and a reader that has caught up continues") {
  KeptBodyFixture fixture(10 * kBodyMiB);
  fixture.runtime.set_disk_limit(350'000);
  fixture.append_all(300'000);
  fixture.settle();
  CHECK(fixture.body.kept());
  fixture.append_all(100'000, 100'000);  // crosses the limit
  fixture.append_all(1'000);             // waits behind it
  fixture.settle();
  CHECK_FALSE(fixture.body.kept());
  CHECK_FALSE(fixture.body.settled());
  CHECK(fixture.body.lost(0));
  CHECK(fixture.body.lost(299'999));
  CHECK(fixture.changes > 0);
  CHECK_FALSE(fixture.body.lost(300'000));  // what the disk did not take is still here
  CHECK(fixture.body.peek(300'000) == body_pattern(101'000, 300'000));
  fixture.append_all(500);
  CHECK(fixture.body.peek(401'000) == body_pattern(500, 401'000));
}

TEST_CASE("a disk that takes nothing, not even the file, loses nothing: the body passes through") {
  KeptBodyFixture fixture(10 * kBodyMiB);
  fixture.runtime.set_disk_limit(0);
  fixture.append_all(300'000);
  fixture.settle();
  CHECK_FALSE(fixture.body.kept());
  CHECK(fixture.read_from(0) == body_pattern(300'000));
}

TEST_CASE("a full disk fails a read that waits for the write") {
  KeptBodyFixture fixture(10 * kBodyMiB);
  fixture.runtime.set_disk_limit(310'000);
  fixture.append_all(300'000);
  fixture.settle();
  fixture.append_all(100'000, 100'000);
  int answered = 0;
  fixture.body.read_file(0, [&](Result<std::string> bytes) {
    ++answered;
    CHECK_FALSE(bytes.ok());
  });
  fixture.settle();
  CHECK(answered == 1);
  CHECK_FALSE(fixture.body.kept());
}

}  // namespace tidegate::core
