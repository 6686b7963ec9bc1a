// What the calls of one queue share: the record store, the deliveries and the broker's thread. Owned by the queue
// (queue.cc). At its end it drops the calls that are under way, then ends the thread.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "jobs/job_queue.h"
#include "jobs/rabbit/broker/broker_loop.h"
#include "jobs/rabbit/broker/unacked_deliveries.h"

namespace tidegate::jobs {

class RabbitCall;

struct RabbitContext {
  RabbitContext(std::unique_ptr<RecordStore> record_store, BrokerOptions options);
  ~RabbitContext();

  std::string unavailable_reason() const;  // "" = the broker and the record store are available

  std::unique_ptr<RecordStore> records;
  UnackedDeliveries deliveries;
  BrokerLoop broker;
  std::atomic<uint64_t> damaged{0};

  std::mutex mutex;  // guards `calls`
  std::unordered_map<RabbitCall*, std::unique_ptr<RabbitCall>> calls;
};

}  // namespace tidegate::jobs
