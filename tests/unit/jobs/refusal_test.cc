#include "jobs/refusal.h"

#include <doctest/doctest.h>

namespace tidegate::jobs {

TEST_CASE("the word of a refusal is the first of the store's message; without one it comes from the error's code") {
  const auto word = [](ErrorCode code, const char* message) {
    return std::string(to_string(refusal_of({code, message})));
  };
  CHECK(word(ErrorCode::exhausted, "max_jobs reached") == "max_jobs");
  CHECK(word(ErrorCode::exhausted, "disk_full: database or disk is full") == "disk_full");
  CHECK(word(ErrorCode::exhausted, "too many commands without a reply") == "overloaded");
  CHECK(word(ErrorCode::unavailable, "the queue is closing") == "store_unavailable");
  CHECK(word(ErrorCode::io, "") == "store_unavailable");
}

TEST_CASE("a full store is not taken for a job that has been replayed too often, nor the other way round") {
  const Error too_often = replayed_too_often("0123", 3);
  CHECK(is_replayed_too_often(too_often));
  CHECK(too_often.message == "replayed_too_often: job 0123 has been replayed 3 times and failed each time");
  CHECK(!is_replayed_too_often({ErrorCode::exhausted, "disk_full: database or disk is full"}));
  CHECK(!is_replayed_too_often({ErrorCode::conflict, too_often.message}));
}

TEST_CASE("a message has its word once") {
  CHECK(with_word(Refusal::max_jobs, "max_jobs reached") == "max_jobs reached");
  CHECK(with_word(Refusal::store_unavailable, "connection refused") == "store_unavailable: connection refused");
}

}  // namespace tidegate::jobs
