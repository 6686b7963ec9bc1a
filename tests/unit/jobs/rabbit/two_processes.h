// Two queues, as two processes have them, on one queue of RabbitMQ and one Redis with the records.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "unit/jobs/rabbit/rabbit_fixture.h"

namespace tidegate::jobs {

class TwoProcesses {
 public:
  explicit TwoProcesses(uint16_t prefetch);
  ~TwoProcesses();

  class Process : public RealFixture {
   public:
    JobQueue& queue() { return *queue_; }
    void open(const std::string& name, uint16_t prefetch);
    void close() { RealFixture::close(std::move(queue_)); }

   private:
    std::unique_ptr<JobQueue> queue_;
  };

  Asker<Process>& asker(size_t i) { return askers_.at(i); }
  void second_leaves() { processes_[1].close(); }
  void second_joins() { processes_[1].open(name_, prefetch_); }

 private:
  const std::string name_;
  const uint16_t prefetch_;
  std::array<Process, 2> processes_;
  std::array<Asker<Process>, 2> askers_{Asker<Process>(processes_[0]), Asker<Process>(processes_[1])};
};

}  // namespace tidegate::jobs
