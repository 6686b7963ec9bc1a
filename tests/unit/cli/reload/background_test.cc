#include "cli/reload/background.h"

#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>

#include "net/uv/uv_runtime.h"

namespace tidegate::cli {

TEST_CASE("work runs on a thread of its own, and what follows on the loop") {
  net::UvRuntime runtime;
  Background background(runtime);
  const auto loop = std::this_thread::get_id();
  std::thread::id worked_on, followed_on;
  int rounds = 0;
  std::function<Background::Then()> work = [&]() -> Background::Then {
    worked_on = std::this_thread::get_id();
    return [&] {
      followed_on = std::this_thread::get_id();
      ++rounds == 2 ? runtime.stop() : background.run(work, nullptr);
    };
  };
  background.run(work, nullptr);
  runtime.run();
  CHECK(rounds == 2);
  CHECK(followed_on == loop);
  CHECK(worked_on != loop);
}

TEST_CASE("work that throws has failed, with the reason") {
  net::UvRuntime runtime;
  Background background(runtime);
  std::string why;
  background.run([]() -> Background::Then { throw std::runtime_error("the disk is gone"); },
                 [&](const std::string& reason) {
                   why = reason;
                   runtime.stop();
                 });
  runtime.run();
  CHECK(why == "the disk is gone");
}

TEST_CASE("its end waits for the work, and nothing follows") {
  net::UvRuntime runtime;
  std::atomic<bool> worked = false;
  bool followed = false;
  {
    Background background(runtime);
    background.run(
        [&]() -> Background::Then {
          worked = true;
          return [&] { followed = true; };
        },
        nullptr);
  }
  CHECK(worked);
  runtime.post([&] { runtime.stop(); });
  runtime.run();
  CHECK_FALSE(followed);
}

TEST_CASE("it is known whether the work hangs") {
  net::UvRuntime runtime;
  Background background(runtime);
  CHECK(background.ends_within(Duration(0)));
  std::promise<void> go_on;
  const auto work = [&]() -> Background::Then {
    go_on.get_future().wait();
    return [&] { runtime.stop(); };
  };
  background.run(work, nullptr);
  CHECK_FALSE(background.ends_within(1ms));
  go_on.set_value();
  CHECK(background.ends_within(1min));
  runtime.run();
}

}  // namespace tidegate::cli
