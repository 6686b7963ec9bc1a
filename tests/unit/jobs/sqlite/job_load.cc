#include "unit/jobs/sqlite/job_load.h"

#include <algorithm>

#include "jobs/sqlite/stored_body.h"

namespace tidegate::jobs {

struct JobLoad::Client {
  int turns_left;
  OperationPtr operation;
  std::shared_ptr<net::BodyReader> reader;
  bool gone = false;  // the store is
  bool idle = false;  // for good: nothing of its is under way
};

void JobLoad::run(RealFixture& fixture, JobQueue& queue, int clients, int turns) {
  fixture_ = &fixture;
  queue_ = &queue;
  std::deque<Client> all;
  for (int i = 0; i < clients; ++i) all.push_back({turns, nullptr, nullptr});
  for (Client& client : all) turn(client);
  fixture.run_until([&] { return std::all_of(all.begin(), all.end(), [](const Client& c) { return c.idle; }); });
}

void JobLoad::turn(Client& client) {
  if (client.gone || client.turns_left == 0) {
    client.idle = true;
    return;
  }
  --client.turns_left;
  const uint64_t dice = random_.below(100);
  if (dice < 55 || ids_.empty()) return append(client);
  return dice < 90 ? claim(client) : cancel_or_replay(client);
}

// What happens at the answer to a change of the job's state.
template <typename T>
auto JobLoad::then(Client& client, const std::string& id, JobStatus next) {
  Known& job = known_[id];
  const auto before = job.allowed;
  job.allowed.insert(next);
  return [this, &client, id, next, before](Result<T> answer) {
    Known& known = known_[id];
    if (answer.ok()) {
      ++promises_;
      known.allowed = {next};
      known.promised = true;
    } else if (answer.error().code == ErrorCode::conflict || answer.error().code == ErrorCode::exhausted) {
      known.allowed = before;
    } else {
      client.gone = true;
      if (!known.promised) known.allowed.insert(JobStatus::cancelled);  // found after all, and taken back
    }
    fixture_->home().post([this, &client] { turn(client); });
  };
}

BodyContent JobLoad::random_body(std::string& bytes) {
  constexpr uint64_t kSizes[] = {1, 100, 1000, 5000, 20'000, 60'000};
  bytes.resize(random_.below(kSizes[random_.below(std::size(kSizes))]));
  if (random_.below(40) == 0) bytes.resize(kChunkBytes + random_.below(1'500'000));  // in chunks, and several commits
  for (char& c : bytes) c = static_cast<char>(random_.next());
  if (bytes.size() > 10'000) return {"", std::make_shared<MemoryFile>(bytes)};
  return {bytes, nullptr};
}

void JobLoad::append(Client& client) {
  JobDraft draft = make_draft(fixture_->home());
  Known job;
  draft.body = random_body(job.body);
  draft.max_attempts = 1000;
  known_[draft.id] = std::move(job);
  ids_.push_back(draft.id);
  const auto done = then<Appended>(client, draft.id, JobStatus::queued);
  client.operation = queue_->append(fixture_->home(), std::move(draft), done);
}

void JobLoad::claim(Client& client) {
  client.operation = queue_->claim(fixture_->home(), 1h, [this, &client](Result<std::optional<ClaimedJob>> job) {
    if (!job) client.gone = true;
    if (!job || !*job) return fixture_->home().post([this, &client] { turn(client); });
    known_[(*job)->id].allowed = {JobStatus::queued};  // after a restart
    fixture_->home().post([this, &client, job = **job] { end(client, job); });
  });
}

void JobLoad::end(Client& client, const ClaimedJob& job) {
  const WallTime now = fixture_->home().wall_now();
  const AttemptRecord attempt{now, 5ms, "503"};
  switch (random_.below(6)) {
    case 0:
      client.operation =
          queue_->retry(fixture_->home(), job, attempt, now, then<Ok>(client, job.id, JobStatus::retrying));
      return;
    case 1:
      client.operation = queue_->dead_letter(fixture_->home(), job, attempt, then<Ok>(client, job.id, JobStatus::dead));
      return;
    case 2:
      client.operation = queue_->release(fixture_->home(), job, {}, then<Ok>(client, job.id, JobStatus::queued));
      return;
    default: break;
  }
  std::string& result = known_[job.id].result;
  StoredResponse response{200, {{"x-job", job.id}}, random_body(result)};
  client.operation = queue_->succeed(fixture_->home(), job, attempt, std::move(response),
                                     then<Ok>(client, job.id, JobStatus::succeeded));
}

std::string JobLoad::any_job() { return ids_[random_.below(ids_.size())]; }

void JobLoad::cancel_or_replay(Client& client) {
  const std::string id = any_job();
  const Known& job = known_[id];
  // A job with a change under way is left to that change.
  if (!job.promised || job.allowed.size() != 1) return append(client);
  if (job.allowed.contains(JobStatus::dead)) {
    client.operation = queue_->replay(fixture_->home(), id, true, then<Ok>(client, id, JobStatus::queued));
  } else if (job.allowed.contains(JobStatus::retrying)) {
    client.operation = queue_->cancel(fixture_->home(), id, then<Ok>(client, id, JobStatus::cancelled));
  } else {
    append(client);
  }
}

void JobLoad::judge(const std::string& id, const Result<JobRecord>& record, Found& found) {
  Known& job = known_[id];
  if (!record) {
    if (job.promised) ++found.lost;
    known_.erase(id);
    return;
  }
  const bool waits = record->status == JobStatus::queued && job.allowed.contains(JobStatus::retrying);
  if (!job.allowed.contains(record->status) && !waits) {
    std::string states;
    for (const JobStatus status : job.allowed) states += std::string(" ") + to_string(status);
    if (loud_)
      MESSAGE((id + " is " + to_string(record->status) + ", not" + states + (job.promised ? "" : ", nor promised")));
    ++found.turned_back;
  }
  if (record->last_error == "damaged_record") ++found.spoilt;
  job.allowed = {record->status};
  job.promised = true;
}

JobLoad::Found JobLoad::inspect(RealFixture& fixture, JobQueue& queue) {
  Found found;
  std::vector<OperationPtr> operations;
  const std::vector<std::string> asked = ids_;
  std::map<std::string, Result<JobRecord>> records;
  for (const std::string& id : asked) {
    operations.push_back(queue.find(
        fixture.home(), id, [&records, id](Result<JobRecord> record) { records.emplace(id, std::move(record)); }));
  }
  fixture.run_until([&] { return records.size() == asked.size(); });
  for (const auto& [id, record] : records) judge(id, record, found);
  ids_.clear();
  for (const auto& [id, job] : known_) ids_.push_back(id);
  compare_results(fixture, queue, found);
  return found;
}

std::optional<std::string> read_all(RealFixture& fixture, net::BodyReader& reader) {
  std::string bytes;
  while (bytes.size() < reader.size()) {
    const auto piece = ask<std::string>(fixture, [&](auto done) { return reader.read_at(bytes.size(), 30'000, done); });
    if (!piece || piece->empty()) return std::nullopt;
    bytes += *piece;
  }
  return bytes;
}

void JobLoad::compare_results(RealFixture& fixture, JobQueue& queue, Found& found) {
  for (const auto& [id, job] : known_) {
    if (!job.allowed.contains(JobStatus::succeeded)) continue;
    auto result = ask<ResultReader>(fixture, [&](auto done) { return queue.result(fixture.home(), id, done); });
    const bool whole =
        result.ok() && result->fields == FieldList{{"x-job", id}} && read_all(fixture, *result->body) == job.result;
    if (!whole) ++found.spoilt;
  }
}

JobLoad::Found JobLoad::drain(RealFixture& fixture, JobQueue& queue) {
  Found found;
  size_t open = 0;
  for (const auto& [id, job] : known_) {
    if (job.allowed.contains(JobStatus::dead)) {
      REQUIRE(ask<Ok>(fixture, [&](auto done) { return queue.replay(fixture.home(), id, true, done); }).ok());
    }
    const JobStatus status = *job.allowed.begin();
    open += status == JobStatus::dead || !is_final(status);
  }
  for (;;) {
    auto claimed =
        ask<std::optional<ClaimedJob>>(fixture, [&](auto done) { return queue.claim(fixture.home(), 1h, done); });
    REQUIRE(claimed.ok());
    if (!*claimed) break;
    --open;
    const auto reader = queue.open_body(fixture.home(), **claimed);
    if (read_all(fixture, *reader) != known_[(*claimed)->id].body) ++found.spoilt;
    REQUIRE(
        ask<Ok>(fixture, [&](auto done) {
          return queue.succeed(fixture.home(), **claimed, {fixture.home().wall_now(), 1ms, ""}, {200, {}, {}}, done);
        }).ok());
  }
  found.lost += static_cast<int>(open);
  known_.clear();
  ids_.clear();
  return found;
}

}  // namespace tidegate::jobs
