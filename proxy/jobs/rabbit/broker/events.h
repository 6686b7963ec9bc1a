// What the broker sends, in the order it was sent. RabbitConnection reports it from within read_frame().
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "jobs/rabbit/broker/message.h"

namespace tidegate::jobs {

struct ReceivedMessage {
  uint64_t tag = 0;  // acks and nacks name it; valid on its connection only
  bool redelivered = false;
  RabbitMessage message;  // with its whole body
  bool damaged = false;   // the checksum does not match
};

class RabbitEvents {
 public:
  virtual ~RabbitEvents() = default;
  virtual void on_delivery(ReceivedMessage received) = 0;
  virtual void on_dead_letter(std::optional<ReceivedMessage> received) = 0;  // after get_dead_letter(); none: no more
  virtual void on_confirm(uint64_t number, bool multiple, bool accepted) = 0;
  virtual void on_returned(const std::string& queue, const std::string& id) = 0;  // unroutable; before its confirm
  virtual void on_blocked(const std::string& reason) = 0;                         // by a memory or disk alarm
  virtual void on_unblocked() = 0;
};

}  // namespace tidegate::jobs
