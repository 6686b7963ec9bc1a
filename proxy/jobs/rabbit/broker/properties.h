// A message's properties and headers in AMQP's form. Includes librabbitmq: for connection.cc and frame_reader.cc.
#pragma once

#include <amqp.h>
#include <amqp_framing.h>

#include <string>

#include "jobs/rabbit/broker/message.h"

namespace tidegate::jobs {

// Views into `message`, which must outlive it.
class RabbitProperties {
 public:
  explicit RabbitProperties(const RabbitMessage& message);
  const amqp_basic_properties_t* get() const { return &properties_; }

 private:
  void text(const char* name, const std::string& value);
  void number(const char* name, int64_t value);

  amqp_basic_properties_t properties_{};
  amqp_table_entry_t entries_[16];
};

// Everything but the body. A missing header leaves its field empty: at least the checksum of a foreign message is
// wrong.
RabbitMessage read_message(const amqp_basic_properties_t& properties);

}  // namespace tidegate::jobs
