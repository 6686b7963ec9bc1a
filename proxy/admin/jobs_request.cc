#include "admin/jobs_request.h"

#include <fmt/format.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/ids.h"
#include "config/yaml/scalars.h"
#include "http/target/percent.h"

namespace tidegate::admin {

using Operation = JobsRequest::Operation;

namespace {

constexpr int64_t kPageMax = 1000;
constexpr int64_t kManyMax = 100'000;
constexpr size_t kReasonBytesMax = 1000;

Refused bad(std::string detail) { return {400, "bad_request", std::move(detail), ""}; }

// The value of a query parameter, in which + is a space.
std::optional<std::string> decoded(std::string_view text) {
  std::string spaced(text);
  std::replace(spaced.begin(), spaced.end(), '+', ' ');
  return http::percent_decode(spaced);
}

std::optional<Refused> read_limit(int64_t limit, JobsRequest& request) {
  const int64_t most = request.operation == Operation::list ? kPageMax : kManyMax;
  if (limit < 1 || limit > most) return bad(fmt::format("`limit` must be 1 to {}.", most));
  request.limit = static_cast<uint64_t>(limit);
  if (request.operation == Operation::list) request.filter.limit = static_cast<int>(limit);
  return std::nullopt;
}

std::optional<jobs::JobStatus> parse_status(std::string_view word) {
  for (int i = 0; i < jobs::kJobStatusCount; ++i) {
    if (const auto status = static_cast<jobs::JobStatus>(i); to_string(status) == word) return status;
  }
  return std::nullopt;
}

std::optional<Refused> read_status(std::string_view word, JobsRequest& request) {
  request.filter.status = parse_status(word);
  if (request.filter.status) return std::nullopt;
  return bad("`status` must be one of queued, running, retrying, succeeded, dead, cancelled, expired.");
}

std::optional<Refused> read_parameter(std::string_view name, const std::string& value, JobsRequest& request) {
  if (value.empty()) return std::nullopt;  // counts as absent
  if (name == "status") return read_status(value, request);
  if (name == "error") request.filter.error = value;
  else if (name == "after" && request.operation == Operation::list) request.filter.after = value;
  else if (name == "reason") request.reason = value;
  else if (name == "limit") {
    const auto limit = config::parse_integer(value);
    return limit ? read_limit(*limit, request) : bad("`limit` must be a whole number.");
  } else {
    return bad(fmt::format("Unknown parameter `{}`.", name.substr(0, 40)));
  }
  return std::nullopt;
}

// Many jobs are purged only by an explicit status.
std::optional<Refused> check_purge(const JobsRequest& request) {
  if (request.operation != Operation::purge_many) return std::nullopt;
  if (!request.filter.status) return bad("To purge many jobs, give their `status`, as in `?status=dead`.");
  if (is_final(*request.filter.status)) return std::nullopt;
  return bad("Only finished jobs can be purged: succeeded, dead, cancelled or expired.");
}

using Json = nlohmann::json;

std::optional<Refused> read_member(const std::string& name, const Json& value, JobsRequest& request) {
  const bool many = request.operation == Operation::replay_many;
  if (name == "force" && value.is_boolean()) request.force = value.get<bool>();
  else if (name == "reason" && value.is_string()) request.reason = value.get<std::string>();
  else if (many && name == "error" && value.is_string()) request.filter.error = value.get<std::string>();
  else if (many && name == "limit" && value.is_number_integer()) return read_limit(value.get<int64_t>(), request);
  else if (many && name == "status" && value.is_string()) {
    if (value != "dead") return bad("Only `dead` jobs can be replayed.");
  } else if (many && name == "rate" && value.is_string()) {
    const auto rate = config::parse_rate(value.get<std::string>());
    if (!rate) return bad("`rate` must be a rate such as `10/s`.");
    request.interval = rate->window / rate->count;
  } else {
    return bad(fmt::format("Unknown member `{}`, or a value of the wrong type.", name.substr(0, 40)));
  }
  return std::nullopt;
}

}  // namespace

const char* to_string(Operation operation) {
  switch (operation) {
    case Operation::list_queues: return "list_queues";
    case Operation::list: return "list";
    case Operation::show: return "show";
    case Operation::purge_many: return "purge_many";
    case Operation::purge: return "purge";
    case Operation::replay: return "replay";
    case Operation::replay_many: return "replay_many";
    case Operation::stop_replay: return "stop_replay";
  }
  return "unknown";
}

std::optional<Refused> read_query(std::string_view query, JobsRequest& request) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const size_t equals = std::min(pair.find('='), pair.size());
    const auto value = decoded(pair.substr(std::min(pair.size(), equals + 1)));
    if (!value) return bad("The query contains an invalid percent-encoding.");
    if (auto refused = read_parameter(pair.substr(0, equals), *value, request)) return refused;
  }
  return check_purge(request);
}

std::optional<Refused> read_body(std::string_view body, JobsRequest& request) {
  if (body.empty()) return std::nullopt;
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object()) return bad("The body must be a JSON object.");
  for (const auto& [name, value] : json.items()) {
    if (auto refused = read_member(name, value, request)) return refused;
  }
  if (request.reason.size() > kReasonBytesMax)
    return bad(fmt::format("`reason` must not be longer than {} bytes.", kReasonBytesMax));
  return std::nullopt;
}

}  // namespace tidegate::admin
