#include "optimizer/image/jpeg_scans.h"

#include <doctest/doctest.h>

#include "unit/optimizer/image/pictures.h"

namespace tidegate::optimizer::test {

using namespace std::string_literals;

namespace {

// Only segments: a scan without components and with three bytes of data, including a restart marker.
const std::string kScan = "\xFF\xDA\x00\x03\x00"s + "a\xFF\x00\xFF\xD0z"s;

std::string with_scans(size_t count) {
  std::string jpeg = "\xFF\xD8"s;
  for (size_t i = 0; i < count; ++i) jpeg += kScan;
  return jpeg + "\xFF\xD9"s;
}

}  // namespace

TEST_CASE("scans are counted, of real and of constructed images") {
  CHECK(count_scans(to_jpeg(gradient(300, 200)), 100) == 1);
  CHECK(count_scans(to_progressive_jpeg(gradient(300, 200)), 100) == 10);
  CHECK(count_scans(with_scans(0), 100) == 0);
  CHECK(count_scans(with_scans(3), 100) == 3);
  CHECK(count_scans(with_scans(5000), 100) == 100);
}

TEST_CASE("a marker inside another segment or after the end does not count") {
  const std::string thumbnail = "\xFF\xE1\x00\x0A\xFF\xDA\xFF\xDA\xFF\xDA\xFF\xDA"s;
  CHECK(count_scans("\xFF\xD8"s + thumbnail + kScan + "\xFF\xD9"s + kScan, 100) == 1);
}

TEST_CASE("scans of truncated or invalid data are counted as far as possible") {
  const std::string whole = with_scans(4);
  for (size_t size = 2; size < whole.size(); ++size) CHECK(count_scans(whole.substr(0, size), 100) <= 4);
  CHECK(count_scans("\xFF\xD8\xFF\xE0\xFF\xFF"s, 100) == 0);
}

TEST_CASE("a JPEG with too many scans is refused before it is decoded") {
  std::string jpeg = to_progressive_jpeg(gradient(64, 64));
  jpeg.resize(jpeg.size() - 2);
  for (int i = 0; i < 100; ++i) jpeg += kScan;
  const Refusal refused = refusal(jpeg + "\xFF\xD9"s);
  CHECK(refused.status == 400);
  CHECK(refused.detail.find("scans") != std::string::npos);
}

}  // namespace tidegate::optimizer::test
