// One direction of a relayed connection: bytes from one socket to another, through a buffer or through a pipe.
//
//   from ──read──▶ [ buffer ] ──write──▶ to        CopyPump: pending_ is what `to` did not accept yet
//   from ─splice─▶ [  pipe  ] ─splice──▶ to        SplicePump: piped_ bytes wait in the pipe
#pragma once

#include <cstddef>
#include <string>

#include "socket.h"

namespace tidegate::bench {

enum class Flow {
  Drained,  // the source has nothing more for now
  Blocked,  // the sink is full: call again when it is writable
  Ended,    // end of stream or an error on either side
};

// Copies through one buffer that all pumps share (it stays in the CPU cache); a pump stores only its remainder.
class CopyPump {
 public:
  // Moves bytes until one of the reasons above.
  Flow move(const Fd& from, const Fd& to);

 private:
  Flow send(const Fd& to, const char* data, std::size_t size);
  Flow flush(const Fd& to);

  std::string pending_;
};

// Moves pages by splice(2): the bytes never enter user space.
class SplicePump {
 public:
  SplicePump();
  Flow move(const Fd& from, const Fd& to);

 private:
  Flow flush(const Fd& to);

  Fd pipe_out_;
  Fd pipe_in_;
  std::size_t piped_ = 0;
};

}  // namespace tidegate::bench
