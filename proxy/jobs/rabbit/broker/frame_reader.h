// Turns the broker's frames into events: a message comes as a method, a header and body frames. One for each
// connection, which owns it. Includes librabbitmq: for connection.cc.
#pragma once

#include <amqp.h>
#include <amqp_framing.h>

#include <optional>
#include <string>

#include "jobs/rabbit/broker/events.h"

namespace tidegate::jobs {

class FrameReader {
 public:
  explicit FrameReader(RabbitEvents& events) : events_(events) {}

  // Returns why the broker has ended the connection or a channel; none: it has not.
  std::optional<std::string> read(const amqp_frame_t& frame);

 private:
  enum class Kind { none, delivery, dead_letter, returned };
  struct Incoming {  // the message that a channel is receiving
    Kind kind = Kind::none;
    ReceivedMessage received;
    std::string returned_queue;
    std::string body;
    uint64_t body_size = 0;
  };

  std::optional<std::string> on_method(const amqp_frame_t& frame);
  void on_message(amqp_channel_t channel, Kind kind, uint64_t tag, bool redelivered);
  void on_header(Incoming& incoming, const amqp_frame_t& frame);
  void on_body(Incoming& incoming, amqp_bytes_t piece);
  void finish(Incoming& incoming);

  RabbitEvents& events_;
  Incoming incoming_[4];  // by channel
};

}  // namespace tidegate::jobs
