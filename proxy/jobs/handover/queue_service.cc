#include "jobs/handover/queue_service.h"

#include <utility>

#include "jobs/handover/read_result.h"

namespace tidegate::jobs {

bool QueueService::on_call(net::Message message) {
  auto call = decode_call(std::move(message));
  if (!call) return false;
  const Place place = under_way_.insert(under_way_.end(), {std::move(*call)});
  Served served = queue_of_(place->call.queue);
  place->in_use = std::move(served.in_use);
  if (served.queue) {
    perform(place, *served.queue);
  } else {
    end(place,
        {.error = Error{ErrorCode::unavailable, "the queue " + place->call.queue + " is not configured any more"}});
  }
  return true;
}

template <typename T, typename Fill>
Callback<T> QueueService::ending(Place place, Fill fill) {
  return [this, place, fill](Result<T> result) {
    QueueAnswer answer;
    if (result) fill(answer, std::move(*result));
    else answer.error = result.error();
    end(place, std::move(answer));
  };
}

void QueueService::perform(Place place, JobQueue& queue) {
  QueueCall& call = place->call;
  switch (call.kind) {
    case CallKind::append:
      place->operation = queue.append(runtime_, std::move(call.draft),
                                      ending<Appended>(place, [](QueueAnswer& answer, Appended appended) {
                                        answer.appended = std::move(appended);
                                      }));
      return;
    case CallKind::find:
      place->operation = queue.find(
          runtime_, call.job_id,
          ending<JobRecord>(place, [](QueueAnswer& answer, JobRecord record) { answer.record = std::move(record); }));
      return;
    case CallKind::result:
      place->operation =
          queue.result(runtime_, call.job_id, ending<ResultReader>(place, [](QueueAnswer& answer, ResultReader found) {
                         answer.result_status = found.status;
                         answer.result_fields = std::move(found.fields);
                         answer.result_size = found.body->size();
                       }));
      return;
    case CallKind::read:
      place->operation = read_result(
          queue, runtime_, call.job_id, call.offset, static_cast<size_t>(call.count),
          ending<std::string>(place, [](QueueAnswer& answer, std::string piece) { answer.piece = std::move(piece); }));
      return;
    case CallKind::cancel:
      place->operation = queue.cancel(runtime_, call.job_id, ending<Ok>(place, [](QueueAnswer&, Ok) {}));
      return;
  }
}

void QueueService::end(Place place, QueueAnswer answer) {
  std::list<UnderWay> ended;
  ended.splice(ended.end(), under_way_, place);
  answer.id = place->call.id;
  answer_(encode(answer));
}

}  // namespace tidegate::jobs
