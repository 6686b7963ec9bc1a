#include "cli/reload/background.h"

#include <exception>
#include <system_error>
#include <utility>

namespace tidegate::cli {

Background::~Background() {
  *link_ = nullptr;
  if (thread_.joinable()) thread_.join();
}

void Background::run(std::function<Then()> work, std::function<void(const std::string& why)> failed) {
  std::promise<void> ended;
  ended_ = ended.get_future();
  try {
    thread_ = std::thread([this, ended = std::move(ended), work = std::move(work), failed]() mutable {
      try {
        deliver(work());
      } catch (const std::exception& error) {
        deliver([failed, why = std::string(error.what())] { failed(why); });
      }
      ended.set_value();
    });
  } catch (const std::system_error& error) {
    deliver([failed, why = std::string(error.what())] { failed(why); });
  }
}

bool Background::ends_within(Duration at_most) const {
  return !thread_.joinable() || ended_.wait_for(at_most) == std::future_status::ready;
}

void Background::deliver(Then then) {
  runtime_.post([link = link_, then = std::move(then)] {
    if (!*link) return;
    if ((*link)->thread_.joinable()) (*link)->thread_.join();
    then();
  });
}

}  // namespace tidegate::cli
