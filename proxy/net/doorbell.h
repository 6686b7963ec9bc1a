// For a thread of a store's own that talks to a socket of a library's: waits for the socket or for a ring, whichever is
// first; and bounds how long the kernel waits for a peer that accepts no bytes.
#pragma once

#include "base/time.h"

namespace tidegate::net {

// Any thread rings, one thread waits. A ring before the wait is not lost.
class Doorbell {
 public:
  Doorbell();
  ~Doorbell();
  Doorbell(const Doorbell&) = delete;
  Doorbell& operator=(const Doorbell&) = delete;

  void ring();
  // Until a ring, `socket` is readable or broken (-1: none), or `wait_max` has passed.
  void wait(int socket, Duration wait_max);

 private:
  int event_;
};

// A peer that acknowledges or accepts no bytes for so long breaks the connection (TCP_USER_TIMEOUT). Best
// effort.
void bound_unacknowledged(int socket, Duration bound);

}  // namespace tidegate::net
