#include "sim/job_invariants.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sim/bounds.h"

namespace tidegate::sim {

namespace {

// It ended without a result: the process was killed, or the store stalled longer than a lease.
bool is_interrupted(const jobs::AttemptRecord& attempt) {
  return attempt.error == "process_ended" || attempt.error == "lease_lost";
}

// Entries of the history that count as attempts: neither deferrals, nor interrupted runs before one.
int counted_attempts(const jobs::JobRecord& record) {
  int counted = 0, interrupted = 0;
  for (const jobs::AttemptRecord& attempt : record.history) {
    if (attempt.deferrals > 0) {
      counted -= std::exchange(interrupted, 0);
    } else {
      ++counted;
      if (is_interrupted(attempt)) ++interrupted;
    }
  }
  return counted;
}

// What the proxy has learned of a success, it may have learned so much later than the upstream has sent it.
constexpr Duration kSuccessDelay = 4s;

// Each failed attempt that counts has a success of the upstream before it, since the one before.
void check_blame(Findings& findings, const jobs::JobRecord& record, const Upstreams& upstreams) {
  const auto succeeded = [&](WallTime from, WallTime to) {
    return std::any_of(upstreams.begin(), upstreams.end(),
                       [&](const auto& upstream) { return upstream->succeeded_between(from, to); });
  };
  WallTime since = record.created_at;
  for (const jobs::AttemptRecord& attempt : record.history) {
    const bool counts = attempt.deferrals == 0 && !is_interrupted(attempt) && !attempt.error.empty() &&
                        attempt.error != "attempts_exhausted";
    const WallTime end = attempt.at + attempt.took;
    if (counts && !succeeded(since - kSuccessDelay, end)) {
      findings.add(fmt::format("job {}: {} counts although the upstream has not succeeded", record.id, attempt.error));
    }
    since = end;
  }
}

// The history of a record has every attempt, in order: the last one of a result succeeded, that of a dead job failed.
void check_history(Findings& findings, const jobs::JobRecord& record) {
  const bool succeeded = record.status == jobs::JobStatus::succeeded;
  if (!succeeded && record.status != jobs::JobStatus::dead) return;
  const auto& attempts = record.history;
  if (attempts.empty() || counted_attempts(record) != record.attempt) {
    return findings.add(
        fmt::format("job {}: {} attempts, but {} in its history", record.id, record.attempt, counted_attempts(record)));
  }
  for (size_t i = 0; i < attempts.size(); ++i) {
    const bool good = succeeded && i + 1 == attempts.size();
    if (attempts[i].error.empty() != good)
      findings.add(fmt::format("job {}: attempt {}: {}", record.id, i, attempts[i].error));
    if (i > 0 && attempts[i].at < attempts[i - 1].at)
      findings.add(fmt::format("job {}: attempt {} is early", record.id, i));
  }
}

// Of the store that has it.
std::optional<jobs::StoredResponse> stored_result(const Stores& stores, const std::string& id) {
  for (const auto& store : stores) {
    if (auto result = store->stored_result(id)) return result;
  }
  return std::nullopt;
}

std::string request_of(const Stores& stores, const std::string& job) {
  for (const auto& store : stores) {
    if (std::string id = store->field(job, "x-sim-id"); !id.empty()) return id;
  }
  return "";
}

}  // namespace

std::string job_id_of(const SimClient& client) {
  if (!client.has_response() || client.result()->status != 202) return "";
  const auto json = nlohmann::json::parse(client.result()->body, nullptr, false);
  return json.is_discarded() ? "" : json.value("job_id", "");
}

int interruptions(const jobs::JobRecord& record) {
  return static_cast<int>(std::count_if(record.history.begin(), record.history.end(), is_interrupted));
}

std::vector<jobs::JobRecord> all_jobs(const Stores& stores) {
  std::vector<jobs::JobRecord> all;
  for (const auto& store : stores) {
    for (jobs::JobRecord& record : store->all()) all.push_back(std::move(record));
  }
  return all;
}

std::map<std::string, jobs::JobRecord> jobs_by_request(const Stores& stores) {
  std::map<std::string, jobs::JobRecord> found;
  for (jobs::JobRecord& record : all_jobs(stores)) {
    const auto [at, is_first] = found.try_emplace(request_of(stores, record.id), record);
    if (!is_first && record.created_at < at->second.created_at) at->second = std::move(record);
  }
  return found;
}

void check_jobs(Findings& findings, const Clients& clients, const Stores& stores, const Upstreams& upstreams,
                const Configs& configs) {
  std::map<std::string, jobs::JobRecord> jobs;
  for (jobs::JobRecord& record : all_jobs(stores)) jobs[record.id] = std::move(record);
  std::map<std::string, const SimClient*> promised;
  for (const auto& client : clients) {
    const std::string id = job_id_of(*client);
    if (id.empty()) continue;
    promised[id] = client.get();
    const auto found = jobs.find(id);
    if (found == jobs.end()) {
      findings.add(fmt::format("{}: 202 for job {}, which the store has not", client->plan().id, id));
    } else if (found->second.status == jobs::JobStatus::cancelled) {
      findings.add(fmt::format("{}: promised job {} was cancelled by nobody", client->plan().id, id));
    }
  }
  for (const auto& [id, record] : jobs) {
    if (!is_final(record.status)) findings.add(fmt::format("job {} never ended: {}", id, to_string(record.status)));
    const int allowed = replays_allowed(configs);
    if (record.attempt > allowed + interruptions(record))
      findings.add(fmt::format("job {} had {} attempts of {}", id, record.attempt, allowed));
    check_history(findings, record);
    check_blame(findings, record, upstreams);
    const auto who = promised.find(id);
    if (who == promised.end() && record.status != jobs::JobStatus::cancelled) {
      const std::string request = request_of(stores, id);
      const auto client =
          std::find_if(clients.begin(), clients.end(), [&](const auto& each) { return each->plan().id == request; });
      // A client with another response than 202 must not have a job; a client without a response may have one.
      if (client != clients.end() && (*client)->has_response()) {
        findings.add(fmt::format("{} got {} and has job {} all the same ({})", (*client)->plan().id,
                                 (*client)->result()->status, id, to_string(record.status)));
      }
    }
    if (record.status != jobs::JobStatus::succeeded || who == promised.end()) continue;
    const auto result = stored_result(stores, id);
    const ClientPlan& plan = who->second->plan();
    if (!result) {
      findings.add(fmt::format("job {} succeeded without a result", id));
    } else if (result->status == 200 && result->body.memory != expected_response(plan.target, plan.body)) {
      findings.add(fmt::format("job {}: the result is not the upstream's response", id));
    }
  }
}

}  // namespace tidegate::sim
