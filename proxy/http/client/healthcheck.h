// Checks over HTTP whether a running program is healthy: what every program's `healthcheck` command does, so that a
// container needs no other program to be looked after.
#pragma once

#include <string>

namespace tidegate::http {

inline constexpr int kExitHealthy = 0;
inline constexpr int kExitUnhealthy = 5;

// GET `target` at `address` ("127.0.0.1:9901"; an unspecified address such as 0.0.0.0 means this machine), on a loop of
// its own, for 2 s at most. Prints the response's body to stdout, or to stderr, after `program`, why there is none. The
// exit code: healthy only for a 200.
int healthcheck(const char* program, const std::string& address, const std::string& target = "/health");

}  // namespace tidegate::http
