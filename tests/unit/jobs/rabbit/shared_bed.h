// Two queues, as of two processes, on one broker's queue and one Redis with the records.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "unit/jobs/rabbit/rabbit_bed.h"

namespace tidegate::jobs {

class SharedBed {
 public:
  explicit SharedBed(uint16_t prefetch);
  ~SharedBed();

  class One : public RealBed {
   public:
    JobQueue& queue() { return *queue_; }
    void open(const std::string& name, uint16_t prefetch);
    void close() { RealBed::close(std::move(queue_)); }

   private:
    std::unique_ptr<JobQueue> queue_;
  };

  Asker<One>& asker(size_t i) { return askers_.at(i); }
  void second_leaves() { ones_[1].close(); }
  void second_joins() { ones_[1].open(name_, prefetch_); }

 private:
  const std::string name_;
  const uint16_t prefetch_;
  std::array<One, 2> ones_;
  std::array<Asker<One>, 2> askers_{Asker<One>(ones_[0]), Asker<One>(ones_[1])};
};

}  // namespace tidegate::jobs
