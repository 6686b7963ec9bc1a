#include "api/upload/room.h"

#include <doctest/doctest.h>

#include <string>

namespace tidegate::api::test {

namespace {

ObjectPtr picture(size_t bytes) { return std::make_shared<Object>(Object{"image/png", std::string(bytes, 'x')}); }

}  // namespace

TEST_CASE("a picture that is sent to many counts once, until the last has it") {
  RoomBudget budget(100);
  SendingRooms rooms(budget);
  const ObjectPtr one = picture(60);
  auto first = rooms.find(one);
  auto second = rooms.find(one);
  REQUIRE(first != nullptr);
  CHECK(second == first);
  CHECK(budget.used() == 60);
  CHECK(rooms.find(picture(60)) == nullptr);
  first.reset();
  CHECK(budget.used() == 60);
  second.reset();
  CHECK(budget.used() == 0);
}

TEST_CASE("a picture whose room has gone is given a new one") {
  RoomBudget budget(100);
  SendingRooms rooms(budget);
  const ObjectPtr one = picture(60);
  rooms.find(one).reset();
  CHECK(rooms.find(one) != nullptr);
  CHECK(budget.used() == 0);
  const auto held = rooms.find(picture(40));  // nobody else holds the picture: its room does
  CHECK(budget.used() == 40);
}

}  // namespace tidegate::api::test
