// SIGTERM and SIGINT while a process waits without a loop: they end the wait instead of the process.
#pragma once

#include "net/uv/descriptors.h"

namespace tidegate::net {

// Until its end; then the signals do what they did before. One at a time.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals() { end(); }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // Readable once one has come.
  int descriptor() const { return told_.number(); }
  // The name of the one that has come; "": none.
  const char* came() const;
  // The signals do again what they did before; what has come by then has come.
  void end();

 private:
  const Descriptor told_;
  bool ended_ = false;
};

}  // namespace tidegate::net
