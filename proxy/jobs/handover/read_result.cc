#include "jobs/handover/read_result.h"

#include <memory>
#include <utility>

namespace tidegate::jobs {

namespace {

struct LookUpAndRead final : net::Operation {
  OperationPtr step;
  std::shared_ptr<net::BodyReader> body;
};

}  // namespace

OperationPtr read_result(JobQueue& queue, net::Runtime& home, const std::string& id, uint64_t offset, size_t count,
                         Callback<std::string> done) {
  auto both = std::make_unique<LookUpAndRead>();
  both->step =
      queue.result(home, id, [self = both.get(), offset, count, done = std::move(done)](Result<ResultReader> found) {
        const auto looked_up = std::move(self->step);
        if (!found) return done(found.error());
        self->body = std::move(found->body);
        self->step = self->body->read_at(offset, count, done);
      });
  return both;
}

}  // namespace tidegate::jobs
