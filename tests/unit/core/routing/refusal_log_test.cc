#include "core/routing/refusal_log.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/log.h"

namespace tidegate::core {

using jobs::Refusal;

TEST_CASE("the log has one line a minute and reason, with the refusals since the line before") {
  std::vector<std::string> lines;
  log_set_sink([&](LogLevel, std::string_view line) { lines.emplace_back(line); });
  RefusalLog log;
  const Time noon = Time{} + 1h;
  for (int i = 0; i < 3; ++i) log.refused("jobs", Refusal::max_jobs, "max_jobs reached", noon + i * 1s);
  log.refused("jobs", Refusal::min_free_disk, "min_free_disk reached", noon + 3s);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].find("reason=max_jobs detail=\"max_jobs reached\" refused=1") != std::string::npos);
  CHECK(lines[1].find("reason=min_free_disk") != std::string::npos);
  log.refused("jobs", Refusal::max_jobs, "max_jobs reached", noon + RefusalLog::kEvery);
  REQUIRE(lines.size() == 3);
  CHECK(lines[2].find("refused=3") != std::string::npos);
  log_set_sink({});
}

}  // namespace tidegate::core
