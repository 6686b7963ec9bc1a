#include "unit/jobs/rabbit/shared_bed.h"

namespace tidegate::jobs {

SharedBed::SharedBed(uint16_t prefetch) : name_("shared" + std::to_string(prefetch)), prefetch_(prefetch) {
  for (One& one : ones_) one.open(name_, prefetch_);
}

SharedBed::~SharedBed() {
  for (One& one : ones_) one.close();
  for (const std::string& queue : {work_queue(name_), dead_queue(name_)}) {
    test::RabbitServer::shared().delete_queue(queue);
  }
}

void SharedBed::One::open(const std::string& name, uint16_t prefetch) {
  RabbitQueueOptions options;
  options.url.host = "127.0.0.1";
  options.url.port = test::RabbitServer::shared().port();
  options.name = name;
  options.prefetch = prefetch;
  options.settle = {};
  options.records = open_redis_records(name, {});
  queue_ = open_rabbit_queue(std::move(options));
  run_until([&] { return queue_->view().available; });
}

}  // namespace tidegate::jobs
