#include "net/local/blocking_wait.h"

#include <thread>

namespace tidegate::net {

void wait_blocking(Duration time) { std::this_thread::sleep_for(time); }

}  // namespace tidegate::net
