#include "cli/status_text.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/jobs_text.h"

namespace tidegate::cli {

using nlohmann::json;

namespace {

constexpr size_t kLineBytesMax = 500;

// Null: it is absent.
json value_at(const json& object, const char* name) {
  if (!object.is_object()) return json();
  const auto found = object.find(name);
  return found == object.end() ? json() : *found;
}

// The text of a member; "": it is absent or null.
std::string member(const json& object, const char* name) {
  const json value = value_at(object, name);
  if (value.is_null()) return "";
  return printable(value.is_string() ? value.get<std::string>() : value.dump(), kLineBytesMax);
}

json members(const json& object, const char* name) {
  json values = value_at(object, name);
  return values.is_array() ? values : json::array();
}

bool is(const json& object, const char* name, bool if_missing) {
  const json value = value_at(object, name);
  return value.is_boolean() ? value.get<bool>() : if_missing;
}

std::optional<double> unix_s(const std::string& rfc3339) {
  int year = 0, hour = 0, minute = 0;
  unsigned month = 0, day = 0;
  double second = 0;
  if (std::sscanf(rfc3339.c_str(), "%d-%u-%uT%d:%d:%lfZ", &year, &month, &day, &hour, &minute, &second) != 6) return {};
  const std::chrono::sys_days date(std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day));
  return static_cast<double>(date.time_since_epoch().count()) * 86400 + hour * 3600 + minute * 60 + second;
}

// "2026-11-24T01:59:43.123Z (12m)"
std::string time_and_age(const json& status, const std::string& time) {
  const auto now = unix_s(member(status, "now")), then = unix_s(time);
  return now && then ? fmt::format("{} ({})", time, short_age(*now - *then)) : time;
}

bool is_shadow(const json& breaker) { return member(breaker, "mode") == "shadow"; }

bool is_refusing(const json& breaker) {
  const std::string state = member(breaker, "state");
  return state == "open" || state == "half_open" || state == "forced_open";
}

// What keeps the queue from its work, or will; "": nothing.
std::string trouble_of(const json& queue) {
  if (!is(queue, "available", true)) return "takes no jobs: " + member(queue, "why_unavailable");
  if (const std::string away = member(queue, "server_away"); !away.empty()) {
    return "its server is unavailable, the spool takes the jobs: " + away;
  }
  std::vector<std::string> warnings;
  for (const json& warning : members(queue, "warnings")) {
    if (warning.is_string()) warnings.push_back(printable(warning.get<std::string>(), kLineBytesMax));
  }
  return fmt::format("{}", fmt::join(warnings, "; "));
}

std::string failure_text(const json& failure) {
  return fmt::format("{} at {} {}: {}", member(failure, "outcome"), member(failure, "endpoint"), member(failure, "at"),
                     member(failure, "reason"));
}

// "unhealthy", "ejected until 2026-11-24T01:59:43.123Z", …
std::string endpoint_state(const json& endpoint) {
  const std::string until = member(endpoint, "ejected_until");
  return member(endpoint, "state") + (until.empty() ? "" : " until " + until);
}

std::string reload_text(const json& status) {
  const json reload = value_at(status, "last_reload");
  if (!reload.is_object()) return "";
  const size_t changes = members(reload, "changes").size();
  std::string out = fmt::format("last reload {}: {}, {} change{}\n", time_and_age(status, member(reload, "at")),
                                member(reload, "result"), changes, changes == 1 ? "" : "s");
  for (const char* name : {"errors", "needs_restart"}) {
    for (const json& line : members(reload, name)) {
      if (!line.is_string()) continue;
      out += fmt::format("  {}{}\n", name == std::string("errors") ? "" : "needs a restart: ",
                         printable(line.get<std::string>(), kLineBytesMax));
    }
  }
  return out;
}

// Whether another process takes over, or the one before still drains; "": neither.
std::string takeover_text(const json& status) {
  const std::string step = member(status, "takeover"), other = member(status, "takeover_process");
  if (step == "predecessor_draining") {
    return fmt::format(
        "takeover: process {} still drains, which this one has taken over from: with queues, the next takeover waits\n",
        other);
  }
  const bool under_way = !step.empty() && step != "waiting";
  return under_way ? fmt::format("takeover: {}, by process {}\n", step, other) : "";
}

uint64_t count_of(const json& object, const char* name) {
  const json value = value_at(object, name);
  return value.is_number() ? value.get<uint64_t>() : 0;
}

// At least four fifths are in use, or somebody waits.
bool is_nearly_full(uint64_t in_use, uint64_t limit, uint64_t waiting) {
  return waiting > 0 || (limit > 0 && in_use >= limit - limit / 5);
}

bool is_nearly_full(const json& bulkhead) {
  return is_nearly_full(count_of(bulkhead, "in_use"), count_of(bulkhead, "limit"), count_of(bulkhead, "waiting"));
}

// "10 of 10 in use, 8 of them by tunnels, 3 waiting"
std::string use_text(uint64_t in_use, uint64_t limit, const json& of) {
  const uint64_t tunnels = count_of(of, "tunnels");
  return fmt::format("{} of {} in use{}, {} waiting", in_use, limit,
                     tunnels > 0 ? fmt::format(", {} of them by tunnels", tunnels) : "", count_of(of, "waiting"));
}

class StatusPage {
 public:
  StatusPage(const json& status, const std::string& admin) : status_(status), admin_(admin) {}

  std::string take() {
    section("breakers", [this](const json& breaker) { add_breaker(breaker); });
    section("upstreams", [this](const json& upstream) { add_upstream(upstream); });
    add_full_bulkheads();
    section("queues", [this](const json& queue) { add_queue(queue); });
    return std::move(out_);
  }

 private:
  template <typename Add>
  void section(const char* name, const Add& add) {
    const json entries = members(status_, name);
    if (entries.empty()) return;
    out_ += fmt::format("\n{}\n", name);
    for (const json& entry : entries) add(entry);
  }

  void line(const std::string& name, const std::string& text) { out_ += fmt::format("  {:<20}  {}\n", name, text); }
  void more(const std::string& text) { line("", text); }

  void add_breaker(const json& breaker) {
    const std::string since = time_and_age(status_, member(breaker, "since"));
    line(member(breaker, "name"),
         fmt::format("{} since {}{}", member(breaker, "state"), since, is_shadow(breaker) ? ", in shadow mode" : ""));
    if (!is_refusing(breaker)) return;
    more(fmt::format("why: {} ({})", member(breaker, "detail"), member(breaker, "reason")));
    if (const std::string outage = member(breaker, "outage_since"); !outage.empty()) {
      more(fmt::format("outage since {}: {}", time_and_age(status_, outage), member(breaker, "outage_cause")));
    }
    const json failure = value_at(breaker, "last_failure");
    if (failure.is_object()) more("last failure: " + failure_text(failure));
    more("next: " + member(breaker, "next"));
  }

  // Of the others there is nothing to say.
  void add_full_bulkheads() {
    bool first = true;
    for (const json& bulkhead : members(status_, "bulkheads")) {
      if (!is_nearly_full(bulkhead)) continue;
      if (std::exchange(first, false)) out_ += "\nbulkheads that are full, or nearly\n";
      line(member(bulkhead, "name"), use_text(count_of(bulkhead, "in_use"), count_of(bulkhead, "limit"), bulkhead));
    }
  }

  void add_upstream(const json& upstream) {
    const json endpoints = members(upstream, "endpoints");
    size_t healthy = 0;
    uint64_t idle = 0;
    for (const json& endpoint : endpoints) {
      healthy += is(endpoint, "healthy", true) ? 1 : 0;
      idle += count_of(endpoint, "idle_connections");
    }
    line(member(upstream, "name"), fmt::format("{} of {} {} healthy", healthy, endpoints.size(),
                                               endpoints.size() == 1 ? "endpoint is" : "endpoints are"));
    for (const json& endpoint : endpoints) {
      if (is(endpoint, "healthy", true)) continue;
      more(fmt::format("{} {}, not healthy since {}: {}", member(endpoint, "endpoint"), endpoint_state(endpoint),
                       time_and_age(status_, member(endpoint, "unhealthy_since")), member(endpoint, "last_error")));
    }
    const uint64_t limit = count_of(upstream, "max_connections"), open = count_of(upstream, "connections");
    const uint64_t in_use = open - std::min(open, idle);
    if (is_nearly_full(in_use, limit, count_of(upstream, "waiting"))) {
      more("connections: " + use_text(in_use, limit, upstream));
    }
  }

  void add_queue(const json& queue) {
    const json depth = value_at(queue, "depth");
    const auto count = [&](const char* status) { return count_of(depth, status); };
    const std::string name = member(queue, "name");
    const json oldest = value_at(queue, "oldest_age_s");
    const char* const last_known = is(queue, "available", true) ? "" : "last known: ";
    line(name, fmt::format("{}{} waiting, {} running, {} dead{}", last_known, count("queued") + count("retrying"),
                           count("running"), count("dead"),
                           oldest.is_number() ? ", oldest " + short_age(oldest.get<double>()) : ""));
    if (const std::string trouble = trouble_of(queue); !trouble.empty()) more(trouble);
    if (count("dead") == 0) return;
    more(fmt::format("for the dead letters: tidegate jobs list --status dead --queue {}{}", name, admin_));
  }

  const json& status_;
  const std::string& admin_;
  std::string out_;
};

}  // namespace

bool is_status(const json& status) {
  const auto version = status.find("version"), breakers = status.find("breakers");
  return version != status.end() && version->is_string() && breakers != status.end() && breakers->is_array();
}

std::vector<std::string> unhealthy_of(const json& status) {
  std::vector<std::string> found;
  for (const json& breaker : members(status, "breakers")) {
    if (!is_refusing(breaker) || is_shadow(breaker)) continue;
    found.push_back(fmt::format("breaker {} is {}", member(breaker, "name"), member(breaker, "state")));
  }
  for (const json& upstream : members(status, "upstreams")) {
    for (const json& endpoint : members(upstream, "endpoints")) {
      if (is(endpoint, "healthy", true)) continue;
      found.push_back(fmt::format("endpoint {} of {} is {}", member(endpoint, "endpoint"), member(upstream, "name"),
                                  endpoint_state(endpoint)));
    }
  }
  for (const json& store : members(status, "rate_limit_stores")) {
    if (is(store, "available", true)) continue;
    const std::string why = member(store, "why_unavailable");
    found.push_back(
        fmt::format("rate limit store {} is unavailable{}{}", member(store, "store"), why.empty() ? "" : ": ", why));
  }
  for (const json& queue : members(status, "queues")) {
    const std::string trouble = trouble_of(queue);
    if (!trouble.empty()) found.push_back(fmt::format("queue {}: {}", member(queue, "name"), trouble));
  }
  if (const json reload = value_at(status, "last_reload"); member(reload, "result") == "refused") {
    found.push_back("the last reload of the configuration was refused");
  }
  return found;
}

std::string status_text(const json& status, const std::string& admin) {
  const std::vector<std::string> unhealthy = unhealthy_of(status);
  std::string out = fmt::format("tidegate {} ({}), started {}, configuration {}{}\n", member(status, "version"),
                                member(status, "revision"), time_and_age(status, member(status, "started_at")),
                                member(status, "config"), is(status, "draining", false) ? ", stopping" : "");
  out += unhealthy.empty() ? "healthy\n" : "unhealthy:\n";
  for (const std::string& each : unhealthy) out += fmt::format("  {}\n", each);
  out += takeover_text(status) + reload_text(status);
  return out + StatusPage(status, admin).take();
}

}  // namespace tidegate::cli
