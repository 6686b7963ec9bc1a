// The job queue on RabbitMQ: work items are messages of a durable quorum queue (rabbit_topology.h), the one truth about
// a job (its record, history and result) lies in a RecordStore (SQLite, Redis).
//
//   loops ──flows──▶ record store                            rabbit_append.cc, rabbit_claim.cc, rabbit_letters.cc
//       │  └───────▶ broker's thread ──▶ librabbitmq          rabbit_thread.h, rabbit_connection.h
//       └──claims──◀ shelf ◀──deliveries──┘                  rabbit_shelf.h
//
// Whatever happens to a job happens to its record first; its message then goes where the record says, and a message
// that is found where it should not be (a crash between the two, a second delivery) is put right by whoever is given
// it.
#pragma once

#include <memory>
#include <string>

#include "config/config.h"
#include "jobs/job_queue.h"

namespace tidegate::jobs {

struct RabbitQueueOptions {
  config::AmqpUrl url;
  std::string name;  // the broker's queues are called tidegate.NAME…
  QueueLimits limits = {};
  std::unique_ptr<RecordStore> records = {};
  uint16_t prefetch = 32;    // messages here at once, claimed or waiting to be; their bodies are in memory
  Duration answer_max = 2s;  // of the broker; then it is away
  Duration settle = 2s;      // after its queues were made: see rabbit_thread.h
  std::function<void(Duration)> on_commit = {};  // how long each publish waited for its confirm; the broker's thread
};

// Never waits for the broker and never fails because it is away: the queue is unavailable until it is there.
std::unique_ptr<JobQueue> open_rabbit_queue(RabbitQueueOptions options);

}  // namespace tidegate::jobs
