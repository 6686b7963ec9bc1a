#include <utility>

#include "jobs/redis/operations.h"

namespace tidegate::jobs {

void cancel_job(RedisStore& store, const std::string& id, RedisDone<Ok> done) {
  store.change(store.scripts().cancel, {id}, id, std::move(done));
}

void replay_job(RedisStore& store, const std::string& id, bool force, RedisDone<Ok> done) {
  store.change(store.scripts().replay, {id, force ? "1" : "0", std::to_string(JobQueue::kReplaysMax)}, id,
               [&store, done = std::move(done)](const Status& status) {
                 if (status.ok()) store.announce_work();
                 done(status);
               });
}

void purge_job(RedisStore& store, const std::string& id, RedisDone<Ok> done) {
  store.change(store.scripts().purge, {id}, id, std::move(done));
}

}  // namespace tidegate::jobs
