#include "http/server/deadlines.h"

namespace tidegate::http {

namespace {

constexpr Duration kDrainTimeMax = 2s;

}  // namespace

Time Deadlines::due(Awaits what) const {
  switch (what) {
    case Awaits::request: return since_ + limits_.idle_timeout;
    case Awaits::headers: return since_ + limits_.header_timeout;
    case Awaits::body: return arrived_at_ + body_timeout_;
    case Awaits::rest_of_body: return since_ + kDrainTimeMax;
    case Awaits::nothing: break;
  }
  return Time::max();
}

}  // namespace tidegate::http
