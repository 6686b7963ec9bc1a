// SIGTERM and SIGINT while a process waits without a loop: they end the wait instead of the process.
#pragma once

#include "net/uv/descriptors.h"

namespace tidegate::net {

// While it lives; then the signals do what they did before. One at a time.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // Readable once one has come.
  int descriptor() const { return told_.number(); }
  // The name of the one that has come; "": none.
  const char* came() const;

 private:
  const Descriptor told_;
};

}  // namespace tidegate::net
