#include "api/picture/memory_budget.h"

#include <doctest/doctest.h>

#include <string>

namespace tidegate::api::test {

namespace {

ObjectPtr picture(size_t bytes) { return std::make_shared<Object>(Object{"image/png", std::string(bytes, 'x')}); }

}  // namespace

TEST_CASE("a picture sent to several clients counts once, until the last one has it") {
  MemoryBudget budget(100);
  SharedReservations reservations(budget);
  const ObjectPtr one = picture(60);
  auto first = reservations.reserve(one);
  auto second = reservations.reserve(one);
  REQUIRE(first != nullptr);
  CHECK(second == first);
  CHECK(budget.used() == 60);
  CHECK(reservations.reserve(picture(60)) == nullptr);
  first.reset();
  CHECK(budget.used() == 60);
  second.reset();
  CHECK(budget.used() == 0);
}

TEST_CASE("a picture whose reservation was released gets a new one") {
  MemoryBudget budget(100);
  SharedReservations reservations(budget);
  const ObjectPtr one = picture(60);
  reservations.reserve(one).reset();
  CHECK(reservations.reserve(one) != nullptr);
  CHECK(budget.used() == 0);
  const auto held = reservations.reserve(picture(40));  // the reservation alone holds the picture
  CHECK(budget.used() == 40);
}

}  // namespace tidegate::api::test
