#include "jobs/redis/operations.h"

namespace tidegate::jobs {

void sweep(RedisStore& store, int rounds_max) {
  store.link().run(store.scripts().tidy, {store.results_ttl()}, [&store, rounds_max](const Result<ScriptReply>& reply) {
    if (reply.ok() && reply->is("more") && rounds_max > 1) sweep(store, rounds_max - 1);
  });
}

}  // namespace tidegate::jobs
