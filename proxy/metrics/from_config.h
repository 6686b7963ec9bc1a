// The series that a configuration alone makes: a queue's limits, and at 0 the refusals that a route can come to. A
// counter that appeared with its first event would hide that event from every rate.
#pragma once

#include "config/config.h"
#include "metrics/families.h"

namespace tidegate::metrics {

// http_requests_total of what Tidegate itself answers on the route, by the route's methods; GET and POST where it takes
// any.
void make_refusals(Families& families, const config::Route& route);

// queue_max_jobs, queue_max_bytes.
void set_limits(Families& families, const config::Queue& queue);

}  // namespace tidegate::metrics
