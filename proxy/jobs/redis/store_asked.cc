// The store's other half: what clients and operators ask of a job, and what time does.
#include <utility>

#include "base/crc32c.h"
#include "base/log.h"
#include "jobs/record_codec.h"
#include "jobs/redis/store.h"

namespace tidegate::jobs {

namespace {

constexpr size_t kPagePartsMax = 40;  // scripts that one page may take where few records fit the filter

// A page in the making.
struct Listing {
  JobFilter filter;
  JobPage page;
  size_t parts = 0;
  std::function<void(Result<JobPage>)> done;
};

std::vector<std::string> arguments_of(const Listing& listing) {
  const auto& status = listing.filter.status;
  const size_t left = static_cast<size_t>(listing.filter.limit) - listing.page.records.size();
  return {status ? std::to_string(static_cast<int>(*status)) : "", listing.filter.error, listing.filter.after,
          std::to_string(left)};
}

void list_on(RedisLink& link, const std::shared_ptr<Listing>& listing) {
  link.run(link.scripts().list, arguments_of(*listing), [&link, listing](const Result<RedisAnswer>& answer) {
    if (!answer) return listing->done(answer.error());
    if (!answer->is("ok") || answer->rest.size() < 2) return listing->done(to_refusal(*answer, ""));
    for (const redis::Reply& entry : answer->rest[0].items) {
      if (entry.items.size() == 2) {
        listing->page.records.push_back(to_record(entry.items[0].text, entry.items[1].items));
      }
    }
    listing->page.next = listing->filter.after = answer->text(1);
    const bool full = listing->page.records.size() >= static_cast<size_t>(listing->filter.limit);
    if (full || listing->page.next.empty() || ++listing->parts >= kPagePartsMax) {
      return listing->done(std::move(listing->page));
    }
    list_on(link, listing);
  });
}

}  // namespace

// Expires and forgets first, where the server lets us; the look itself writes nothing.
void RedisStore::find(const std::string& id, Done<JobRecord> done) {
  tidy(1);
  link_.run(link_.scripts().find, {id}, [id, done = std::move(done)](const Result<RedisAnswer>& answer) {
    if (!answer) return done(answer.error());
    if (!answer->is("ok") || answer->rest.size() < 4) return done(to_refusal(*answer, id));
    JobRecord record = to_record(id, answer->rest[1].items);
    record.position = std::strtoull(answer->text(2).c_str(), nullptr, 10);
    for (const redis::Reply& line : answer->rest[3].items) record.history.push_back(to_attempt(line.text));
    done(std::move(record));
  });
}

void RedisStore::result(const std::string& id, Done<RedisResultHead> done) {
  link_.run(link_.scripts().result, {id, results_ttl()},
            [this, id, done = std::move(done)](const Result<RedisAnswer>& answer) {
              if (!answer) return done(answer.error());
              if (!answer->is("ok")) return done(to_refusal(*answer, id));
              const auto number = [&](size_t index) { return std::strtoull(answer->text(index).c_str(), nullptr, 10); };
              RedisResultHead head;
              head.status = static_cast<uint16_t>(number(0));
              const std::string& fields = answer->text(1);
              const std::string& size = answer->text(3);
              if (std::to_string(crc32c(size, result_head_crc(head.status, fields))) != answer->text(2)) {
                log_error("job_damaged", {{"job_id", id},
                                          {"store", options_.address.shown()},
                                          {"reason", "checksum of the result does not match"}});
                return done(Error{ErrorCode::io, "the result of job " + id + " is damaged"});
              }
              head.fields = decode_fields(fields);
              head.body = std::make_shared<RedisBlob>("result:" + id, number(3));
              done(std::move(head));
            });
}

void RedisStore::read_result(std::shared_ptr<RedisBlob> body, uint64_t offset, size_t count, Done<std::string> done) {
  body->read(link_, offset, count, [this, done = std::move(done)](Result<std::string> bytes) {
    if (bytes.ok()) return done(std::move(bytes));
    if (bytes.error().code == ErrorCode::invalid) {
      log_error("result_damaged", {{"store", options_.address.shown()}, {"reason", bytes.error().message}});
    }
    const bool stored_badly = bytes.error().code == ErrorCode::invalid || bytes.error().code == ErrorCode::not_found;
    done(stored_badly ? Error{ErrorCode::io, bytes.error().message} : bytes.error());
  });
}

void RedisStore::cancel(const std::string& id, Done<Ok> done) {
  change(link_.scripts().cancel, {id}, id, std::move(done));
}

void RedisStore::replay(const std::string& id, bool force, Done<Ok> done) {
  const auto replayed = [this, done = std::move(done)](const Status& status) {
    if (status.ok()) events_.on_work();
    done(status);
  };
  change(link_.scripts().replay, {id, force ? "1" : "0", std::to_string(JobQueue::kReplaysMax)}, id, replayed);
}

void RedisStore::purge(const std::string& id, Done<Ok> done) {
  change(link_.scripts().purge, {id}, id, std::move(done));
}

void RedisStore::list(const JobFilter& filter, Done<JobPage> done) {
  list_on(link_, std::make_shared<Listing>(Listing{filter, {}, 0, std::move(done)}));
}

void RedisStore::tidy(int rounds_left) {
  link_.run(link_.scripts().tidy, {results_ttl()}, [this, rounds_left](const Result<RedisAnswer>& answer) {
    if (answer.ok() && answer->is("more") && rounds_left > 1) tidy(rounds_left - 1);
  });
}

}  // namespace tidegate::jobs
