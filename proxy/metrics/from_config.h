// The series that follow from the configuration alone: the limits of a queue, and the possible refusals of a route, at
// 0. A counter that first appears with its first event hides that event from rate().
#pragma once

#include "config/config.h"
#include "metrics/families.h"

namespace tidegate::metrics {

// http_requests_total for the responses that Tidegate generates itself on the route, for the route's methods; GET and
// POST if it accepts any.
void make_refusals(Families& families, const config::Route& route);

}  // namespace tidegate::metrics
