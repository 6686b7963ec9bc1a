#include "jobs/redis/reply.h"

#include <cstdlib>

#include "base/crc32c.h"
#include "jobs/record_codec.h"
#include "jobs/refusal.h"

namespace tidegate::jobs {

namespace {

int64_t number(const std::string& text) { return std::strtoll(text.c_str(), nullptr, 10); }
WallTime wall(const std::string& nanoseconds) { return WallTime(Duration(number(nanoseconds))); }

std::optional<WallTime> maybe_wall(const std::string& nanoseconds) {
  if (nanoseconds.empty()) return std::nullopt;
  return wall(nanoseconds);
}

QueueView to_view(const redis::Reply& reply) {
  QueueView view;
  if (reply.items.size() != kJobStatusCount + 5) return view;
  const auto count = [&](size_t index) {
    return static_cast<uint64_t>(std::max<int64_t>(0, number(reply.items[index].text)));
  };
  for (size_t status = 0; status < kJobStatusCount; ++status) view.depth[status] = count(status);
  view.bytes = count(kJobStatusCount);
  view.expired_total = count(kJobStatusCount + 1);
  view.damaged_total = count(kJobStatusCount + 2);
  view.oldest_created_at = maybe_wall(reply.items[kJobStatusCount + 3].text);
  view.next_due_at = maybe_wall(reply.items[kJobStatusCount + 4].text);
  return view;
}

uint32_t record_crc(uint32_t head, uint64_t size, const std::string& body_ref, const std::string& key) {
  return crc32c(std::to_string(size) + "\n" + body_ref + "\n" + key, head);
}

}  // namespace

const std::string& ScriptReply::text(size_t index) const {
  static const std::string none;
  return index < rest.size() ? rest[index].text : none;
}

uint64_t ScriptReply::number(size_t index) const { return std::strtoull(text(index).c_str(), nullptr, 10); }

Error to_outage(const Error& error) { return {ErrorCode::unavailable, "redis: " + error.message}; }

Result<ScriptReply> to_script_reply(Result<redis::Reply> reply) {
  if (!reply) return to_outage(reply.error());
  if (reply->is_error()) return Error{ErrorCode::unavailable, "redis: " + reply->text};
  if (reply->items.size() < 2) return Error{ErrorCode::unavailable, "redis: not the reply of a script"};
  ScriptReply parsed{to_view(reply->items[0]), std::move(reply->items[1].text), {}};
  for (size_t i = 2; i < reply->items.size(); ++i) parsed.rest.push_back(std::move(reply->items[i]));
  return parsed;
}

Error to_refusal(const ScriptReply& reply, const std::string& id) {
  std::string reason = reply.text(0);
  if (reply.is("not_found")) return {ErrorCode::not_found, "no job " + id};
  if (reply.is("gone")) return {ErrorCode::not_found, reason};
  if (reply.is("exhausted")) return {ErrorCode::exhausted, reason};
  if (reply.is("replayed_too_often")) return replayed_too_often(id, static_cast<int64_t>(reply.number(0)));
  if (reply.is("invalid")) return {ErrorCode::invalid, reason};
  if (reply.is("conflict")) {
    // A single digit is the status that it has instead.
    if (reason.size() == 1) reason = std::string("the job is ") + to_string(static_cast<JobStatus>(reason[0] - '0'));
    return {ErrorCode::conflict, reason};
  }
  return {ErrorCode::unavailable, "redis: " + (reason.empty() ? reply.word : reason)};
}

uint32_t redis_record_crc(const JobDraft& draft) {
  const uint32_t head = job_head_crc(draft.id, draft.route, draft.method, draft.target, encode_fields(draft.fields),
                                     to_ns(draft.created_at));
  return record_crc(head, draft.body.size(), draft.body_ref, draft.dedupe_key);
}

Result<ClaimedJob> to_claimed_job(const std::string& id, const std::vector<redis::Reply>& fields) {
  if (fields.size() != 15) return Error{ErrorCode::invalid, "record " + id + " is not whole"};
  const auto text = [&](size_t index) -> const std::string& { return fields[index].text; };
  ClaimedJob job;
  job.id = id;
  job.claim = static_cast<uint64_t>(number(text(0)));
  job.route = text(1);
  job.method = text(2);
  job.target = text(3);
  job.fields = decode_fields(text(4));
  job.body_size = static_cast<uint64_t>(number(text(5)));
  job.body_ref = text(6);
  job.attempt = static_cast<int>(number(text(7)));
  job.max_attempts = static_cast<int>(number(text(8)));
  job.created_at = wall(text(9));
  job.expires_at = wall(text(10));
  job.dedupe_key = text(11);
  job.deferrals = static_cast<int>(number(text(13)));  // a record from before deferrals has none
  job.attempted_at = wall(text(14));
  const uint32_t head = job_head_crc(id, job.route, job.method, job.target, text(4), to_ns(job.created_at));
  if (std::to_string(record_crc(head, job.body_size, job.body_ref, job.dedupe_key)) != text(12)) {
    return Error{ErrorCode::invalid, "the checksum of record " + id + " does not match"};
  }
  return job;
}

JobRecord to_record(const std::string& id, const std::vector<redis::Reply>& fields) {
  JobRecord record;
  record.id = id;
  if (fields.size() != 17) return record;
  const auto text = [&](size_t index) -> const std::string& { return fields[index].text; };
  record.route = text(0);
  record.status = static_cast<JobStatus>(number(text(1)));
  record.attempt = static_cast<int>(number(text(2)));
  record.max_attempts = static_cast<int>(number(text(3)));
  record.created_at = wall(text(4));
  record.expires_at = wall(text(5));
  record.next_attempt_at = next_attempt_of(record.status, record.created_at, wall(text(6)));
  record.finished_at = maybe_wall(text(7));
  record.last_error = text(8);
  record.method = text(9);
  record.target = text(10);
  record.body_size = static_cast<uint64_t>(number(text(11)));
  record.body_ref = text(12);
  record.replays = static_cast<int>(number(text(13)));
  record.deferrals = static_cast<int>(number(text(14)));
  const bool has_result = record.status == JobStatus::succeeded && number(text(16)) >= 0;
  if (has_result) record.result_status = static_cast<uint16_t>(number(text(15)));
  return record;
}

// "at took error", "at took *n error"
AttemptRecord to_attempt(const std::string& line) {
  const size_t first = line.find(' ');
  const size_t second = line.find(' ', std::min(first, line.size() - 1) + 1);
  if (first == std::string::npos || second == std::string::npos) return {};
  AttemptRecord attempt{wall(line), Duration(number(line.substr(first + 1))), line.substr(second + 1)};
  const size_t space = attempt.error.find(' ');
  if (!attempt.error.starts_with("*") || space == std::string::npos) return attempt;
  attempt.deferrals = static_cast<int>(number(attempt.error.substr(1)));
  attempt.error.erase(0, space + 1);
  return attempt;
}

}  // namespace tidegate::jobs
