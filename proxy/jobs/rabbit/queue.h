// The job queue on RabbitMQ: work items are messages of a durable quorum queue (topology.h); the record of a job with
// its history and result is in a RecordStore (SQLite, Redis) and decides.
//
//   event loops ──calls──▶ record store                             append.cc, claim.cc, settle.cc, dead_letters.cc
//       │  └─────────────▶ broker's thread ──▶ librabbitmq          broker_loop.h, publisher.h, connection.h
//       └──claims──◀ unacked deliveries ◀──────┘                    consumer.h, unacked_deliveries.h
//
// Whatever happens to a job happens to its record first; its message follows. A message that contradicts its record (a
// crash between the two, a second delivery) is corrected by the claim that takes it.
#pragma once

#include <memory>
#include <string>

#include "config/config.h"
#include "jobs/job_queue.h"
#include "jobs/shared_limits.h"
#include "net/tls/connect_server.h"

namespace tidegate::jobs {

struct RabbitQueueOptions {
  config::AmqpUrl url;
  net::TlsServer tls = {};  // where it is amqps://
  std::string name;         // RabbitMQ's queues are called tidegate.NAME…
  SharedLimits limits = {};
  std::unique_ptr<RecordStore> records = {};
  uint16_t prefetch = 32;                        // unacked deliveries at once; their bodies are in memory
  Duration reply_timeout = 2s;                   // of RabbitMQ; then it is unavailable
  Duration settle = 2s;                          // after its queues were declared: see broker_loop.h
  std::function<void(Duration)> on_commit = {};  // how long each publish waited for its confirm; on the broker's thread
};

// Never waits for RabbitMQ and never fails because it is unavailable: the queue is unavailable until it is connected.
std::unique_ptr<JobQueue> open_rabbit_queue(RabbitQueueOptions options);

}  // namespace tidegate::jobs
