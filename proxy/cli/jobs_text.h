// Jobs, as the admin interface tells of them, as text for a terminal. Pure. What came from clients is written without
// control bytes.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace tidegate::cli {

// An aligned table, one line a job: id, status, tries, age, request, last error. `jobs`: an array.
std::string jobs_table(const nlohmann::json& jobs);
// One job with its history, and what can be done next.
std::string job_text(const nlohmann::json& job);

// "45s", "3m", "2h", "5d": whole units of the largest kind.
std::string short_age(double seconds);
// Control bytes, which could drive a terminal, as '?'; longer than `bytes_max`: cut, with "...".
std::string printable(std::string text, size_t bytes_max);

}  // namespace tidegate::cli
