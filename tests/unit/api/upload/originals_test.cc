// Storing and removing originals, with a store whose operations the test completes.
#include "api/upload/originals.h"

#include <doctest/doctest.h>

#include <deque>
#include <optional>
#include <set>

#include "base/log.h"

namespace tidegate::api::test {

namespace {

// Every operation waits in `steps` until the test completes it.
class SteppedStore final : public ObjectStore {
 public:
  std::unique_ptr<net::Operation> put(std::string name, ObjectPtr, PutCallback done) override {
    return begin("put", [this, name, done = std::move(done)](bool works) {
      if (works) names.insert(name);
      done(works ? Status(Ok{}) : Status(Error{ErrorCode::io, "broken"}));
    });
  }
  std::unique_ptr<net::Operation> remove(std::string name, PutCallback done) override {
    return begin("remove", [this, name, done = std::move(done)](bool works) {
      if (works) names.erase(name);
      done(works ? Status(Ok{}) : Status(Error{ErrorCode::io, "broken"}));
    });
  }
  std::unique_ptr<net::Operation> exists(std::string name, ExistsCallback done) override {
    return begin("exists", [this, name, done = std::move(done)](bool works) {
      done(works ? Result<bool>(names.count(name) > 0) : Result<bool>(Error{ErrorCode::io, "broken"}));
    });
  }
  std::unique_ptr<net::Operation> get(std::string, GetCallback) override { return nullptr; }
  std::unique_ptr<net::Operation> check(PutCallback) override { return nullptr; }
  std::optional<std::string> presigned_url(const std::string&, Duration) override { return std::nullopt; }

  // Completes the only pending step, which must be `word`.
  void end_step(const std::string& word, bool works = true) {
    REQUIRE(steps.size() == 1);
    REQUIRE(steps.front()->word == word);
    const auto finish = steps.front()->finish;
    finish(works);
  }
  void end_newest_step() {
    const auto finish = steps.back()->finish;
    finish(true);
  }
  bool is_idle() const { return steps.empty(); }

  std::set<std::string> names;

 private:
  struct Step final : net::Operation {
    ~Step() override { std::erase(*in, this); }
    std::string word;
    std::function<void(bool)> finish;
    std::deque<Step*>* in = nullptr;
  };
  std::unique_ptr<net::Operation> begin(const char* word, std::function<void(bool)> finish) {
    auto step = std::make_unique<Step>();
    step->word = word;
    step->finish = std::move(finish);
    step->in = &steps;
    steps.push_back(step.get());
    return step;
  }

  std::deque<Step*> steps;
};

struct Fixture {
  Fixture() {
    log_set_sink([](LogLevel, std::string_view) {});
  }
  ~Fixture() { log_set_sink({}); }

  std::unique_ptr<Originals::Claim> claim() {
    stored.reset();
    return originals.claim("k", std::make_shared<Object>(), [this](const Status& status) { stored = status.ok(); });
  }
  // A claim whose original is stored.
  std::unique_ptr<Originals::Claim> put() {
    auto made = claim();
    store.end_step("exists");
    store.end_step("put");
    REQUIRE(stored == true);
    return made;
  }
  bool is_there() const { return store.names.count("originals/k") > 0; }
  void check_over(bool there) {
    CHECK(store.is_idle());
    CHECK(originals.removals() == 0);
    CHECK(is_there() == there);
    CHECK(budget.used() == 0);
  }
  MemoryReservation room() {
    MemoryReservation made(budget);
    REQUIRE(made.grow(10));
    return made;
  }

  SteppedStore store;
  MemoryBudget budget{100};
  Originals originals{store, [] {}};
  std::optional<bool> stored;
};

}  // namespace

TEST_CASE("an original that is kept remains in the store") {
  Fixture fixture;
  auto claim = fixture.put();
  claim->keep();
  claim.reset();
  fixture.check_over(true);
}

TEST_CASE("an original that is given up is removed, whatever its state") {
  Fixture fixture;
  SUBCASE("while checking") {
    auto claim = fixture.claim();
    claim.reset();
  }
  SUBCASE("while storing") {
    auto claim = fixture.claim();
    fixture.store.end_step("exists");
    claim->hold(fixture.room());
    claim.reset();
    CHECK(fixture.budget.used() == 10);  // the store still reads the image
    CHECK(fixture.originals.removals() == 1);
    fixture.store.end_step("put");
    CHECK(fixture.budget.used() == 0);
    fixture.store.end_step("remove");
  }
  SUBCASE("when stored") {
    auto claim = fixture.put();
    claim->hold(fixture.room());
    claim.reset();
    CHECK(fixture.budget.used() == 0);
    CHECK(fixture.originals.removals() == 1);
    fixture.store.end_step("remove");
  }
  fixture.check_over(false);
  CHECK(fixture.stored.value_or(true));
}

TEST_CASE("an original that existed before remains if the claim is given up, and is removed if it is refused") {
  Fixture fixture;
  fixture.store.names.insert("originals/k");
  auto claim = fixture.claim();
  fixture.store.end_step("exists");
  CHECK(fixture.stored == true);
  claim.reset();
  fixture.check_over(true);

  claim = fixture.claim();
  fixture.store.end_step("exists");
  claim->refuse();
  claim.reset();
  fixture.store.end_step("remove");
  fixture.check_over(false);
}

TEST_CASE("a new claim takes over an original being stored without a claim") {
  Fixture fixture;
  auto first = fixture.claim();
  fixture.store.end_step("exists");
  first->hold(fixture.room());
  first.reset();
  auto second = fixture.claim();
  CHECK(fixture.originals.removals() == 0);
  fixture.store.end_step("put");
  CHECK(fixture.stored == true);
  second->keep();
  second.reset();
  fixture.check_over(true);
}

TEST_CASE("a new claim waits for a removal and stores the original again") {
  Fixture fixture;
  fixture.put().reset();
  auto second = fixture.claim();
  fixture.store.end_step("remove");
  CHECK_FALSE(fixture.stored.has_value());
  fixture.store.end_step("exists");
  fixture.store.end_step("put");
  CHECK(fixture.stored == true);
  second->keep();
  second.reset();
  fixture.check_over(true);
}

TEST_CASE("a new claim that is given up before the removal ends leaves nothing") {
  Fixture fixture;
  fixture.put().reset();
  auto second = fixture.claim();
  second->hold(fixture.room());
  second.reset();
  CHECK(fixture.budget.used() == 0);
  CHECK(fixture.originals.removals() == 1);
  fixture.store.end_step("remove");
  fixture.check_over(false);
}

TEST_CASE("an error of the store is reported, and a failed removal is not repeated") {
  Fixture fixture;
  auto claim = fixture.claim();
  fixture.store.end_step("exists", false);
  fixture.store.end_step("put", false);
  CHECK(fixture.stored == false);
  claim.reset();
  fixture.store.end_step("remove");  // the failed put may have stored it
  fixture.check_over(false);

  fixture.put().reset();
  fixture.store.end_step("remove", false);
  fixture.check_over(true);

  auto late = fixture.claim();
  fixture.store.names.clear();
  fixture.store.end_step("exists");
  late.reset();
  fixture.store.end_step("put", false);
  fixture.store.end_step("remove");
  fixture.check_over(false);
}

TEST_CASE("removals are bounded, and originals above the limit remain in the store") {
  Fixture fixture;
  for (int i = 0; i < 1003; ++i) {
    const std::string key = std::to_string(i);
    fixture.store.names.insert("originals/" + key);
    auto claim = fixture.originals.claim(key, std::make_shared<Object>(), [](const Status&) {});
    fixture.store.end_newest_step();
    claim->refuse();
  }
  CHECK(fixture.originals.removals() == 1000);
}

}  // namespace tidegate::api::test
