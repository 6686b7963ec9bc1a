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
  try {
    thread_ = std::thread([this, work = std::move(work), failed] {
      try {
        deliver(work());
      } catch (const std::exception& error) {
        deliver([failed, why = std::string(error.what())] { failed(why); });
      }
    });
  } catch (const std::system_error& error) {
    deliver([failed, why = std::string(error.what())] { failed(why); });
  }
}

void Background::deliver(Then then) {
  runtime_.post([link = link_, then = std::move(then)] {
    if (!*link) return;
    if ((*link)->thread_.joinable()) (*link)->thread_.join();
    then();
  });
}

}  // namespace tidegate::cli
