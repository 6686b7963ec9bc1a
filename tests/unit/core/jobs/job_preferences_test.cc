// What a request says about the job that it may become.
#include "core/jobs/job_preferences.h"

#include <doctest/doctest.h>

namespace tidegate::core {

namespace {

Result<std::unique_ptr<JobPreferences>> read(std::initializer_list<std::pair<const char*, const char*>> given,
                                             bool by_reference = true) {
  config::FallbackEnqueue enqueue;
  enqueue.by_reference = by_reference;
  enqueue.reference_hosts = {"minio"};
  http::Fields fields;
  for (const auto& [name, value] : given) fields.add(name, value);
  return job_preferences(fields, enqueue);
}

}  // namespace

TEST_CASE("a request that says nothing about a job has no preferences; `wait` alone says nothing") {
  for (const auto& preferences : {read({}), read({{"Accept", "*/*"}}), read({{"Prefer", "wait=5"}})}) {
    REQUIRE(preferences.ok());
    CHECK(*preferences == nullptr);
  }
}

TEST_CASE("key, reference and Prefer are read together") {
  const auto preferences = read({{"Idempotency-Key", "k-1"},
                                 {"Tidegate-Body-Ref", "http://minio/original"},
                                 {"Prefer", "respond-async, wait=5"}});
  REQUIRE(preferences.ok());
  REQUIRE(*preferences != nullptr);
  const JobPreferences& read_ones = **preferences;
  CHECK(read_ones.idempotency_key == "k-1");
  CHECK(read_ones.body_ref == "http://minio/original");
  CHECK(read_ones.respond_async);
  CHECK(read_ones.wait == Duration(5s));
}

TEST_CASE("a key or a reference that is not valid is refused; a route without references ignores them") {
  CHECK_FALSE(read({{"Idempotency-Key", ""}}).ok());
  CHECK_FALSE(read({{"Tidegate-Body-Ref", "http://elsewhere/original"}}).ok());
  const auto ignored = read({{"Tidegate-Body-Ref", "http://elsewhere/original"}}, false);
  REQUIRE(ignored.ok());
  CHECK(*ignored == nullptr);
}

}  // namespace tidegate::core
