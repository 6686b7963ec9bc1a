#include "unit/jobs/rabbit/two_processes.h"

namespace tidegate::jobs {

TwoProcesses::TwoProcesses(uint16_t prefetch) : name_("shared" + std::to_string(prefetch)), prefetch_(prefetch) {
  for (Process& process : processes_) process.open(name_, prefetch_);
}

TwoProcesses::~TwoProcesses() {
  for (Process& process : processes_) process.close();
  for (const std::string& queue : {work_queue(name_), dead_queue(name_)}) {
    test::RabbitServer::shared().delete_queue(queue);
  }
}

void TwoProcesses::Process::open(const std::string& name, uint16_t prefetch) {
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
