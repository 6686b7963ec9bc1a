#include "admin/jobs_request.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/ids.h"
#include "config/yaml/scalars.h"

namespace tidegate::admin {

using Ask = JobsRequest::Ask;

namespace {

constexpr std::string_view kRoot = "/api/queues";
constexpr int64_t kPageMax = 1000;
constexpr int64_t kManyMax = 100'000;
constexpr size_t kReasonBytesMax = 1000;

Refused bad(std::string detail) { return {400, "bad_request", std::move(detail), ""}; }

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

std::string_view take_segment(std::string_view& rest) {
  if (rest.starts_with('/')) rest.remove_prefix(1);
  const std::string_view segment = rest.substr(0, rest.find('/'));
  rest.remove_prefix(segment.size());
  return segment;
}

Refused wrong_method(std::string_view allowed) {
  return {405, "method_not_allowed", "", fmt::format("Allow: {}\r\n", allowed)};
}

// What stands at `path` for that method; none: nothing does.
std::variant<JobsRequest, Refused> read_path(std::string_view path, std::string_view method) {
  JobsRequest request;
  const bool get = method == "GET" || method == "HEAD", erase = method == "DELETE", post = method == "POST";
  const auto as = [&](Ask ask) {
    request.ask = ask;
    return request;
  };
  std::string_view rest = path.substr(kRoot.size());
  const Refused nothing{404, "not_found", "The admin interface has no such page.", ""};
  if (rest.empty()) return get ? std::variant<JobsRequest, Refused>(as(Ask::queues)) : wrong_method("GET, HEAD");
  request.queue = take_segment(rest);
  const std::string_view what = take_segment(rest);
  if (what == "replay" && rest.empty()) {
    if (post) return as(Ask::replay_many);
    if (erase) return as(Ask::stop_replay);
    return wrong_method("POST, DELETE");
  }
  if (what != "jobs") return nothing;
  if (rest.empty()) {
    if (get) return as(Ask::list);
    if (erase) return as(Ask::purge_many);
    return wrong_method("GET, HEAD, DELETE");
  }
  request.id = take_segment(rest);
  if (!is_id(request.id)) return Refused{404, "not_found", "A job's id is 32 hexadecimal digits.", ""};
  if (rest.empty()) {
    if (get) return as(Ask::show);
    if (erase) return as(Ask::purge);
    return wrong_method("GET, HEAD, DELETE");
  }
  if (rest != "/replay") return nothing;
  return post ? std::variant<JobsRequest, Refused>(as(Ask::replay)) : wrong_method("POST");
}

std::optional<Refused> read_limit(int64_t limit, JobsRequest& request) {
  const int64_t most = request.ask == Ask::list ? kPageMax : kManyMax;
  if (limit < 1 || limit > most) return bad(fmt::format("`limit` must be 1 to {}.", most));
  request.limit = static_cast<uint64_t>(limit);
  if (request.ask == Ask::list) request.filter.limit = static_cast<int>(limit);
  return std::nullopt;
}

std::optional<Refused> read_status(std::string_view word, JobsRequest& request) {
  request.filter.status = parse_status(word);
  if (request.filter.status) return std::nullopt;
  return bad("`status` is one of queued, running, retrying, succeeded, dead, cancelled, expired.");
}

std::optional<Refused> read_parameter(std::string_view name, const std::string& value, JobsRequest& request) {
  if (value.empty()) return std::nullopt;  // as if it were not there
  if (name == "status") return read_status(value, request);
  if (name == "error") request.filter.error = value;
  else if (name == "after" && request.ask == Ask::list) request.filter.after = value;
  else if (name == "reason") request.reason = value;
  else if (name == "limit") {
    const auto limit = config::parse_integer(value);
    return limit ? read_limit(*limit, request) : bad("`limit` is not a whole number.");
  } else {
    return bad(fmt::format("There is no parameter `{}` here.", name.substr(0, 40)));
  }
  return std::nullopt;
}

std::optional<Refused> read_query(std::string_view query, JobsRequest& request) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const size_t equals = std::min(pair.find('='), pair.size());
    const auto value = decoded(pair.substr(std::min(pair.size(), equals + 1)));
    if (!value) return bad("The query has a broken % in it.");
    if (auto refused = read_parameter(pair.substr(0, equals), *value, request)) return refused;
  }
  return std::nullopt;
}

// None: many jobs are purged only by a status that was meant.
std::optional<Refused> check_purge(const JobsRequest& request) {
  if (request.ask != Ask::purge_many) return std::nullopt;
  if (!request.filter.status) return bad("To purge many jobs name their `status`, as `?status=dead`.");
  if (is_final(*request.filter.status)) return std::nullopt;
  return bad("Only jobs that have ended can be purged: succeeded, dead, cancelled or expired.");
}

using Json = nlohmann::json;

std::optional<Refused> read_member(const std::string& name, const Json& value, JobsRequest& request) {
  const bool many = request.ask == Ask::replay_many;
  if (name == "force" && value.is_boolean()) request.force = value.get<bool>();
  else if (name == "reason" && value.is_string()) request.reason = value.get<std::string>();
  else if (many && name == "error" && value.is_string()) request.filter.error = value.get<std::string>();
  else if (many && name == "limit" && value.is_number_integer()) return read_limit(value.get<int64_t>(), request);
  else if (many && name == "status" && value.is_string()) {
    if (value != "dead") return bad("Only jobs that are `dead` can be replayed.");
  } else if (many && name == "rate" && value.is_string()) {
    const auto rate = config::parse_rate(value.get<std::string>());
    if (!rate) return bad("`rate` is not a rate such as `10/s`.");
    request.interval = rate->window / rate->count;
  } else {
    return bad(fmt::format("`{}` is not known here, or has the wrong type.", name.substr(0, 40)));
  }
  return std::nullopt;
}

}  // namespace

bool is_jobs_path(std::string_view path) {
  return path.starts_with(kRoot) && (path.size() == kRoot.size() || path[kRoot.size()] == '/');
}

std::optional<jobs::JobStatus> parse_status(std::string_view word) {
  for (int i = 0; i < jobs::kJobStatusCount; ++i) {
    if (const auto status = static_cast<jobs::JobStatus>(i); to_string(status) == word) return status;
  }
  return std::nullopt;
}

std::variant<JobsRequest, Refused> read_request(const http::RequestHead& head) {
  auto read = read_path(head.path, head.method);
  auto* request = std::get_if<JobsRequest>(&read);
  if (request == nullptr) return read;
  if (auto refused = read_query(head.query, *request)) return *refused;
  if (auto refused = check_purge(*request)) return *refused;
  return read;
}

std::optional<Refused> read_body(std::string_view body, JobsRequest& request) {
  if (body.empty()) return std::nullopt;
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object()) return bad("The body must be a JSON object.");
  for (const auto& [name, value] : json.items()) {
    if (auto refused = read_member(name, value, request)) return refused;
  }
  if (request.reason.size() > kReasonBytesMax)
    return bad(fmt::format("`reason` is longer than {} bytes.", kReasonBytesMax));
  return std::nullopt;
}

}  // namespace tidegate::admin
