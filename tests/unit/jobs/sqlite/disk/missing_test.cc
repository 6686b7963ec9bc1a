#include "jobs/sqlite/disk/missing.h"

#include <doctest/doctest.h>

namespace tidegate::jobs {

namespace {

constexpr WalSalts kSalts{1000, 77};
constexpr WalSalts kLater{1001, 5};
constexpr WalSalts kEarlier{990, 5};

StoreCounts counts(uint64_t queued) { return {static_cast<int64_t>(queued) + 1, {queued}}; }

// 12 commits in 40 frames, of which `moved` are in the database; 10 jobs.
CommitMark mark_with(uint32_t moved = 0) { return {{kSalts, 40, moved}, 12, counts(10)}; }
WalContent log_with(WalSalts salts, uint32_t frames, uint64_t commits) { return {true, salts, frames, commits, false}; }

bool nothing(const MissingWork& missing) { return missing.reason.empty() && missing.commits == 0 && missing.jobs == 0; }

}  // namespace

TEST_CASE("a log that reaches the mark, or goes beyond it, has all of it") {
  CHECK(nothing(find_missing(mark_with(), log_with(kSalts, 40, 12), counts(10))));
  CHECK(nothing(find_missing(mark_with(), log_with(kSalts, 44, 13), counts(11))));
}

TEST_CASE("of a log that ends before the mark, the commits behind its end are missing") {
  const MissingWork missing = find_missing(mark_with(), log_with(kSalts, 30, 9), counts(7));
  CHECK(missing.commits == 3);
  CHECK(missing.jobs == 3);
  CHECK(missing.reason == "the WAL can be read up to frame 30 of 40");
}

TEST_CASE("a log that was begun later means that the database has all of the marked one") {
  CHECK(nothing(find_missing(mark_with(), log_with(kLater, 3, 1), counts(11))));
  CHECK(nothing(
      find_missing(CommitMark{{{~uint32_t{0}, 1}, 40, 0}, 12, counts(10)}, log_with({0, 9}, 3, 1), counts(11))));
}

TEST_CASE("without the marked log its commits are missing, unless the database shows them") {
  for (const WalContent& log : {WalContent{}, log_with(kEarlier, 50, 9)}) {
    const MissingWork missing = find_missing(mark_with(), log, counts(4));
    CHECK(missing.commits == 12);
    CHECK(missing.jobs == 6);
    CHECK(missing.reason.starts_with("the WAL is "));
    CHECK(nothing(find_missing(mark_with(), log, counts(10))));
  }
}

TEST_CASE("a log that the database has all of is not needed; the database must then have the marked jobs") {
  CHECK(nothing(find_missing(mark_with(40), {}, counts(10))));
  const MissingWork missing = find_missing(mark_with(40), {}, counts(8));
  CHECK(missing.commits == 1);
  CHECK(missing.jobs == 2);
  CHECK(missing.reason.starts_with("the file does not have the jobs of the last commit"));
}

TEST_CASE("with the database all is missing that its log or the mark know of") {
  const MissingWork marked = missing_with_database(mark_with(), log_with(kSalts, 40, 12));
  CHECK(marked.commits == 12);
  CHECK(marked.jobs == 10);
  CHECK(marked.reason == "the file is missing or empty, but not its WAL");
  CHECK(missing_with_database(mark_with(), {}).commits == 12);
  CHECK(missing_with_database(std::nullopt, log_with(kSalts, 40, 12)).commits == 12);
  CHECK(missing_with_database(std::nullopt, log_with(kSalts, 40, 12)).jobs == 0);  // not known
  CHECK(missing_with_database(std::nullopt, {}).commits == 1);                     // at least
}

TEST_CASE("without a mark only damage within the log is seen") {
  CHECK(nothing(find_missing(std::nullopt, {}, counts(0))));
  CHECK(nothing(find_missing(std::nullopt, log_with(kSalts, 30, 9), counts(7))));
  WalContent broken = log_with(kSalts, 30, 9);
  broken.broken_inside = true;
  CHECK(find_missing(std::nullopt, broken, counts(7)).commits == 1);
}

}  // namespace tidegate::jobs
