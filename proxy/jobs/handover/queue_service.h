// Does the calls of the process whose queues this one has taken over (jobs/handover/call.h). On the main loop.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>

#include "jobs/handover/call.h"
#include "jobs/job_queue.h"
#include "net/runtime.h"

namespace tidegate::jobs {

class QueueService {
 public:
  // A queue of this process, and what says that a call to it is under way, as long as it lives.
  struct Served {
    JobQueue* queue = nullptr;  // null: there is none
    std::shared_ptr<void> in_use = nullptr;
  };
  using QueueOf = std::function<Served(const std::string& name)>;

  // `answer`: sends it. The runtime outlives the service; the queues outlive the calls under way, which end with it.
  QueueService(net::Runtime& runtime, QueueOf queue_of, std::function<void(net::Message)> answer)
      : runtime_(runtime), queue_of_(std::move(queue_of)), answer_(std::move(answer)) {}

  // False: it is not a call.
  bool on_call(net::Message message);

 private:
  struct UnderWay {
    QueueCall call;
    std::shared_ptr<void> in_use = nullptr;
    OperationPtr operation = nullptr;
  };
  using Place = std::list<UnderWay>::iterator;

  void perform(Place place, JobQueue& queue);
  void end(Place place, QueueAnswer answer);
  template <typename T, typename Fill>
  Callback<T> ending(Place place, Fill fill);

  net::Runtime& runtime_;
  const QueueOf queue_of_;
  const std::function<void(net::Message)> answer_;
  std::list<UnderWay> under_way_;
};

}  // namespace tidegate::jobs
