// The memory of all bodies together.
#include "core/buffer_budget.h"

#include <doctest/doctest.h>

namespace tidegate::core {

TEST_CASE("a share grows while there is memory, keeps what it has when there is not, and gives back at its end") {
  BufferBudget budget(100'000);
  {
    BufferShare first(budget);
    BufferShare second(budget);
    CHECK(first.resize(60'000));
    CHECK(second.resize(40'000));
    CHECK(budget.used() == 100'000);
    CHECK_FALSE(first.resize(60'001));
    CHECK(budget.used() == 100'000);
    CHECK(second.resize(10'000));
    CHECK(first.resize(90'000));
    CHECK(budget.used() == 100'000);
  }
  CHECK(budget.used() == 0);
}

TEST_CASE("small bodies are not counted, and a larger one is counted whole") {
  BufferBudget budget(10'000);
  BufferShare share(budget);
  CHECK(share.resize(BufferShare::kUncounted));
  CHECK(budget.used() == 0);
  CHECK(share.resize(BufferShare::kUncounted + 1));
  CHECK(budget.used() == BufferShare::kUncounted + 1);
  CHECK(share.resize(1));
  CHECK(budget.used() == 0);
}

}  // namespace tidegate::core
