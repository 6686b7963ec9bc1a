// Formats the admin interface's JSON of jobs as text for a terminal. Pure. Text that came from clients is printed
// without control characters.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace tidegate::cli {

// An aligned table, one line per job: id, status, attempts, deferrals, age, request, last error. `jobs`: an array.
std::string jobs_table(const nlohmann::json& jobs);
// One job with its history and the possible next steps. `replay`, `purge`: the commands that do so.
std::string job_text(const nlohmann::json& job, const std::string& replay, const std::string& purge);

// "45s", "3m", "2h", "5d": whole numbers of one unit.
std::string short_age(double seconds);
// Replaces control characters, which could control the terminal, by '?', and cuts text longer than `bytes_max`, with
// "...".
std::string printable(std::string text, size_t bytes_max);

}  // namespace tidegate::cli
