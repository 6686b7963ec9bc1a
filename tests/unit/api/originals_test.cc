// The way of an original into the store, and out of it again, with a store that ends each step when it is told to.
#include "api/upload/originals.h"

#include <doctest/doctest.h>

#include <deque>
#include <optional>
#include <set>

#include "base/log.h"

namespace tidegate::api::test {

namespace {

// Every operation waits in `steps` for the test.
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

  // Ends the one step that is under way, which must be `word`.
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

struct Bed {
  Bed() {
    log_set_sink([](LogLevel, std::string_view) {});
  }
  ~Bed() { log_set_sink({}); }

  std::unique_ptr<Originals::Claim> claim() {
    told.reset();
    return originals.claim("k", std::make_shared<Object>(), [this](const Status& status) { told = status.ok(); });
  }
  // A claim whose original has been put.
  std::unique_ptr<Originals::Claim> put() {
    auto made = claim();
    store.end_step("exists");
    store.end_step("put");
    REQUIRE(told == true);
    return made;
  }
  bool is_there() const { return store.names.count("originals/k") > 0; }
  void check_over(bool there) {
    CHECK(store.is_idle());
    CHECK(originals.leaving() == 0);
    CHECK(is_there() == there);
    CHECK(budget.used() == 0);
  }
  Room room() {
    Room made(budget);
    REQUIRE(made.grow(10));
    return made;
  }

  SteppedStore store;
  RoomBudget budget{100};
  Originals originals{store, [] {}};
  std::optional<bool> told;
};

}  // namespace

TEST_CASE("an original that is kept stays") {
  Bed bed;
  auto claim = bed.put();
  claim->keep();
  claim.reset();
  bed.check_over(true);
}

TEST_CASE("an original of which nothing came is removed, whenever its claim goes") {
  Bed bed;
  SUBCASE("while it is looked for") {
    auto claim = bed.claim();
    claim.reset();
  }
  SUBCASE("while it is put") {
    auto claim = bed.claim();
    bed.store.end_step("exists");
    claim->hold(bed.room());
    claim.reset();
    CHECK(bed.budget.used() == 10);  // the store still reads the image
    CHECK(bed.originals.leaving() == 1);
    bed.store.end_step("put");
    CHECK(bed.budget.used() == 0);
    bed.store.end_step("remove");
  }
  SUBCASE("when it is there") {
    auto claim = bed.put();
    claim->hold(bed.room());
    claim.reset();
    CHECK(bed.budget.used() == 0);
    CHECK(bed.originals.leaving() == 1);
    bed.store.end_step("remove");
  }
  bed.check_over(false);
  CHECK(bed.told.value_or(true));
}

TEST_CASE("what was there before stays when a claim is given up, and goes when it is refused") {
  Bed bed;
  bed.store.names.insert("originals/k");
  auto claim = bed.claim();
  bed.store.end_step("exists");
  CHECK(bed.told == true);
  claim.reset();
  bed.check_over(true);

  claim = bed.claim();
  bed.store.end_step("exists");
  claim->refuse();
  claim.reset();
  bed.store.end_step("remove");
  bed.check_over(false);
}

TEST_CASE("a new claim takes over what is being put for nobody") {
  Bed bed;
  auto first = bed.claim();
  bed.store.end_step("exists");
  first->hold(bed.room());
  first.reset();
  auto second = bed.claim();
  CHECK(bed.originals.leaving() == 0);
  bed.store.end_step("put");
  CHECK(bed.told == true);
  second->keep();
  second.reset();
  bed.check_over(true);
}

TEST_CASE("a new claim waits for a removal and puts the original again") {
  Bed bed;
  bed.put().reset();
  auto second = bed.claim();
  bed.store.end_step("remove");
  CHECK_FALSE(bed.told.has_value());
  bed.store.end_step("exists");
  bed.store.end_step("put");
  CHECK(bed.told == true);
  second->keep();
  second.reset();
  bed.check_over(true);
}

TEST_CASE("a new claim that goes before the removal ends leaves nothing") {
  Bed bed;
  bed.put().reset();
  auto second = bed.claim();
  second->hold(bed.room());
  second.reset();
  CHECK(bed.budget.used() == 0);
  CHECK(bed.originals.leaving() == 1);
  bed.store.end_step("remove");
  bed.check_over(false);
}

TEST_CASE("a store that fails is told, and a removal that fails ends") {
  Bed bed;
  auto claim = bed.claim();
  bed.store.end_step("exists", false);
  bed.store.end_step("put", false);
  CHECK(bed.told == false);
  claim.reset();
  bed.store.end_step("remove");  // the put may have been done all the same
  bed.check_over(false);

  bed.put().reset();
  bed.store.end_step("remove", false);
  bed.check_over(true);

  auto late = bed.claim();
  bed.store.names.clear();
  bed.store.end_step("exists");
  late.reset();
  bed.store.end_step("put", false);
  bed.store.end_step("remove");
  bed.check_over(false);
}

TEST_CASE("removals are bounded: what is beyond stays in the store") {
  Bed bed;
  for (int i = 0; i < 1003; ++i) {
    const std::string key = std::to_string(i);
    bed.store.names.insert("originals/" + key);
    auto claim = bed.originals.claim(key, std::make_shared<Object>(), [](const Status&) {});
    bed.store.end_newest_step();
    claim->refuse();
  }
  CHECK(bed.originals.leaving() == 1000);
}

}  // namespace tidegate::api::test
