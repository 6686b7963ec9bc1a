// How the addresses of a name are kept (watched_name.h).
#pragma once

#include "base/time.h"

namespace tidegate::net {

struct NameConfig {
  Duration refresh = 30s;  // between two look-ups
  Duration stale = 1h;     // how long the last addresses serve after they should have been refreshed
  friend bool operator==(const NameConfig&, const NameConfig&) = default;
};

}  // namespace tidegate::net
