#include "jobs/rabbit/broker/frame_reader.h"

#include <iterator>
#include <utility>

#include "jobs/rabbit/broker/amqp_values.h"
#include "jobs/rabbit/broker/properties.h"

namespace tidegate::jobs {

namespace {

template <typename T>
const T& decoded(const amqp_frame_t& frame) {
  return *static_cast<const T*>(frame.payload.method.decoded);
}

}  // namespace

std::optional<std::string> FrameReader::read(const amqp_frame_t& frame) {
  if (frame.channel >= std::size(incoming_)) return std::nullopt;
  Incoming& incoming = incoming_[frame.channel];
  if (frame.frame_type == AMQP_FRAME_METHOD) return on_method(frame);
  if (frame.frame_type == AMQP_FRAME_HEADER) on_header(incoming, frame);
  if (frame.frame_type == AMQP_FRAME_BODY) on_body(incoming, frame.payload.body_fragment);
  return std::nullopt;
}

std::optional<std::string> FrameReader::on_method(const amqp_frame_t& frame) {
  switch (frame.payload.method.id) {
    case AMQP_BASIC_DELIVER_METHOD: {
      const auto& method = decoded<amqp_basic_deliver_t>(frame);
      on_message(frame.channel, Kind::delivery, method.delivery_tag, method.redelivered != 0);
      break;
    }
    case AMQP_BASIC_GET_OK_METHOD: {
      const auto& method = decoded<amqp_basic_get_ok_t>(frame);
      on_message(frame.channel, Kind::dead_letter, method.delivery_tag, method.redelivered != 0);
      break;
    }
    case AMQP_BASIC_RETURN_METHOD:
      on_message(frame.channel, Kind::returned, 0, false);
      incoming_[frame.channel].returned_queue = text_of(decoded<amqp_basic_return_t>(frame).routing_key);
      break;
    case AMQP_BASIC_GET_EMPTY_METHOD: events_.on_dead_letter(std::nullopt); break;
    case AMQP_BASIC_ACK_METHOD: {
      const auto& method = decoded<amqp_basic_ack_t>(frame);
      events_.on_confirm(method.delivery_tag, method.multiple != 0, true);
      break;
    }
    case AMQP_BASIC_NACK_METHOD: {
      const auto& method = decoded<amqp_basic_nack_t>(frame);
      events_.on_confirm(method.delivery_tag, method.multiple != 0, false);
      break;
    }
    case AMQP_CONNECTION_BLOCKED_METHOD:
      events_.on_blocked(text_of(decoded<amqp_connection_blocked_t>(frame).reason));
      break;
    case AMQP_CONNECTION_UNBLOCKED_METHOD: events_.on_unblocked(); break;
    case AMQP_BASIC_CANCEL_METHOD: return "the work queue was deleted, or has moved to another node";
    case AMQP_CHANNEL_CLOSE_METHOD: return text_of(decoded<amqp_channel_close_t>(frame).reply_text);
    case AMQP_CONNECTION_CLOSE_METHOD: return text_of(decoded<amqp_connection_close_t>(frame).reply_text);
    default: break;
  }
  return std::nullopt;
}

void FrameReader::on_message(amqp_channel_t channel, Kind kind, uint64_t tag, bool redelivered) {
  Incoming& incoming = incoming_[channel];
  incoming = {};
  incoming.kind = kind;
  incoming.received.tag = tag;
  incoming.received.redelivered = redelivered;
}

void FrameReader::on_header(Incoming& incoming, const amqp_frame_t& frame) {
  incoming.received.message =
      read_message(*static_cast<const amqp_basic_properties_t*>(frame.payload.properties.decoded));
  incoming.body_size = frame.payload.properties.body_size;
  incoming.body.reserve(incoming.body_size);
  if (incoming.body_size == 0) finish(incoming);
}

void FrameReader::on_body(Incoming& incoming, amqp_bytes_t piece) {
  incoming.body.append(static_cast<const char*>(piece.bytes), piece.len);
  if (incoming.body.size() >= incoming.body_size) finish(incoming);
}

void FrameReader::finish(Incoming& incoming) {
  Incoming whole = std::exchange(incoming, {});
  ReceivedMessage received = std::move(whole.received);
  if (whole.kind == Kind::none) return;
  if (whole.kind == Kind::returned) return events_.on_returned(whole.returned_queue, received.message.id);
  received.message.body = {"", std::make_shared<SharedBody>(std::move(whole.body))};
  received.damaged = message_crc(received.message) != received.message.crc;
  whole.kind == Kind::delivery ? events_.on_delivery(std::move(received)) : events_.on_dead_letter(std::move(received));
}

}  // namespace tidegate::jobs
