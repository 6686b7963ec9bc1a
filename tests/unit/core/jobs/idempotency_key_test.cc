#include "core/jobs/idempotency_key.h"

#include <doctest/doctest.h>

namespace tidegate::core {

TEST_CASE("a key is a quoted string or a bare word, kept as it was spelled") {
  for (const std::string key : {"8e03978e-40d5", "a/b+c==", "\"quoted, and spaced\"", R"("an \"escape\" \\")"}) {
    CAPTURE(key);
    http::Fields fields;
    fields.add("Idempotency-Key", key);
    REQUIRE(idempotency_key(fields).ok());
    CHECK(*idempotency_key(fields) == key);
  }
  CHECK(idempotency_key(http::Fields{})->empty());
}

TEST_CASE("what is neither, or too long, or given twice is no key") {
  const std::string cases[] = {"",
                               "\"\"",
                               "\"",
                               "\"open",
                               "a b",
                               "a,b",
                               "mid\"dle",
                               "\"a\"b\"",
                               "\"bad \\escape\"",
                               "\"ends \\\"",
                               "\xc3\xa4",
                               "tab\there",
                               std::string(kIdempotencyKeyMax + 1, 'k')};
  for (const std::string& key : cases) {
    CAPTURE(key);
    http::Fields fields;
    fields.add("Idempotency-Key", key);
    CHECK_FALSE(idempotency_key(fields).ok());
  }
  http::Fields twice;
  twice.add("Idempotency-Key", "a");
  twice.add("idempotency-key", "a");
  CHECK_FALSE(idempotency_key(twice).ok());
  http::Fields longest;
  const std::string key(kIdempotencyKeyMax, 'k');
  longest.add("Idempotency-Key", key);
  CHECK(idempotency_key(longest).ok());
}

}  // namespace tidegate::core
