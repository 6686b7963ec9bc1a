#include <utility>

#include "base/crc32c.h"
#include "base/log.h"
#include "jobs/record_codec.h"
#include "jobs/redis/operations.h"

namespace tidegate::jobs {

namespace {

constexpr size_t kPagePartsMax = 40;  // scripts that one page may take where few records fit the filter

// A page in the making.
struct Listing {
  JobFilter filter;
  JobPage page;
  size_t parts = 0;
  RedisDone<JobPage> done;
};

std::vector<std::string> arguments_of(const Listing& listing) {
  const auto& status = listing.filter.status;
  const size_t left = static_cast<size_t>(listing.filter.limit) - listing.page.records.size();
  return {status ? std::to_string(static_cast<int>(*status)) : "", listing.filter.error, listing.filter.after,
          std::to_string(left)};
}

void continue_listing(RedisLink& link, const std::shared_ptr<Listing>& listing) {
  link.run(link.scripts().list, arguments_of(*listing), [&link, listing](const Result<ScriptReply>& reply) {
    if (!reply) return listing->done(reply.error());
    if (!reply->is("ok") || reply->rest.size() < 2) return listing->done(to_refusal(*reply, ""));
    for (const redis::Reply& entry : reply->rest[0].items) {
      if (entry.items.size() == 2) {
        listing->page.records.push_back(to_record(entry.items[0].text, entry.items[1].items));
      }
    }
    listing->page.next = listing->filter.after = reply->text(1);
    const bool full = listing->page.records.size() >= static_cast<size_t>(listing->filter.limit);
    if (full || listing->page.next.empty() || ++listing->parts >= kPagePartsMax) {
      return listing->done(std::move(listing->page));
    }
    continue_listing(link, listing);
  });
}

}  // namespace

// Expires and deletes first, where the server lets us; the look itself writes nothing.
void find_job(RedisStore& store, const std::string& id, RedisDone<JobRecord> done) {
  sweep(store, 1);
  store.link().run(store.scripts().find, {id}, [id, done = std::move(done)](const Result<ScriptReply>& reply) {
    if (!reply) return done(reply.error());
    if (!reply->is("ok") || reply->rest.size() < 4) return done(to_refusal(*reply, id));
    JobRecord record = to_record(id, reply->rest[1].items);
    record.position = reply->number(2);
    for (const redis::Reply& line : reply->rest[3].items) record.history.push_back(to_attempt(line.text));
    done(std::move(record));
  });
}

void find_result(RedisStore& store, const std::string& id, RedisDone<RedisResultHead> done) {
  const auto on_reply = [&store, id, done = std::move(done)](const Result<ScriptReply>& reply) {
    if (!reply) return done(reply.error());
    if (!reply->is("ok")) return done(to_refusal(*reply, id));
    RedisResultHead head;
    head.status = static_cast<uint16_t>(reply->number(0));
    const std::string& fields = reply->text(1);
    const std::string& size = reply->text(3);
    if (std::to_string(crc32c(size, result_head_crc(head.status, fields))) != reply->text(2)) {
      log_error("job_damaged",
                {{"job_id", id}, {"store", store.address()}, {"reason", "checksum of the result does not match"}});
      return done(Error{ErrorCode::io, "the result of job " + id + " is damaged"});
    }
    head.fields = decode_fields(fields);
    head.body = std::make_shared<RedisBlob>("result:" + id, reply->number(3));
    done(std::move(head));
  };
  store.link().run(store.scripts().result, {id, store.results_ttl()}, on_reply);
}

void read_result(RedisStore& store, std::shared_ptr<RedisBlob> body, uint64_t offset, size_t count,
                 RedisDone<std::string> done) {
  body->read(store.link(), offset, count, [&store, done = std::move(done)](Result<std::string> bytes) {
    if (bytes.ok()) return done(std::move(bytes));
    const Error& error = bytes.error();
    if (error.code == ErrorCode::invalid) {
      log_error("result_damaged", {{"store", store.address()}, {"reason", error.message}});
    }
    const bool stored_badly = error.code == ErrorCode::invalid || error.code == ErrorCode::not_found;
    done(stored_badly ? Error{ErrorCode::io, error.message} : error);
  });
}

void list_jobs(RedisStore& store, const JobFilter& filter, RedisDone<JobPage> done) {
  continue_listing(store.link(), std::make_shared<Listing>(Listing{filter, {}, 0, std::move(done)}));
}

}  // namespace tidegate::jobs
