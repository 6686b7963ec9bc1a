// What `tidegate status` makes of the JSON of /api/status: what is unhealthy, and a page of text for a terminal. Pure.
// Text that the proxy got from elsewhere is printed without control characters.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace tidegate::cli {

// Whether it is what /api/status responds with, and not the JSON of another server.
bool is_status(const nlohmann::json& status);

// A sentence for each: a breaker that refuses or probes, an endpoint that is not healthy, a rate limit store that is
// unavailable, a queue that takes no jobs or warns. Dead letters are not: they wait for an operator, and nothing else
// does. Empty: all is well.
std::vector<std::string> unhealthy_of(const nlohmann::json& status);

// First whether all is well and whether a takeover is under way, then breakers, upstreams, bulkheads that are full or
// nearly, and queues; of what is not well also why, since when, and what happens next. `admin`: " --admin ADDRESS"
// where commands that are named need it, else "".
std::string status_text(const nlohmann::json& status, const std::string& admin);

}  // namespace tidegate::cli
