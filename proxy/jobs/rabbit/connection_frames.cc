// What the broker sends, frame by frame: deliveries are put together from their method, header and body frames.
#include "jobs/rabbit/connection.h"

namespace tidegate::jobs {

namespace {

std::string text_of(amqp_bytes_t bytes) { return {static_cast<const char*>(bytes.bytes), bytes.len}; }

template <typename T>
const T& decoded(const amqp_frame_t& frame) {
  return *static_cast<const T*>(frame.payload.method.decoded);
}

}  // namespace

bool RabbitConnection::next() {
  if (lost_) return false;
  amqp_frame_t frame;
  timeval none{0, 0};
  const int status = amqp_simple_wait_frame_noblock(state_, &frame, &none);
  if (status == AMQP_STATUS_TIMEOUT) return false;
  if (status != AMQP_STATUS_OK) {
    check("read", status);
    return false;
  }
  if (frame.channel < std::size(incoming_)) {
    Incoming& incoming = incoming_[frame.channel];
    if (frame.frame_type == AMQP_FRAME_METHOD) {
      on_method(frame);
    } else if (frame.frame_type == AMQP_FRAME_HEADER) {
      const auto* properties = static_cast<const amqp_basic_properties_t*>(frame.payload.properties.decoded);
      incoming.arrival.message = read_message(*properties);
      incoming.body_size = frame.payload.properties.body_size;
      incoming.body.reserve(incoming.body_size);
      if (incoming.body_size == 0) finish(incoming);
    } else if (frame.frame_type == AMQP_FRAME_BODY) {
      on_body(incoming, frame.payload.body_fragment);
    }
  }
  amqp_maybe_release_buffers(state_);
  return true;
}

void RabbitConnection::on_method(const amqp_frame_t& frame) {
  switch (frame.payload.method.id) {
    case AMQP_BASIC_DELIVER_METHOD: {
      const auto& method = decoded<amqp_basic_deliver_t>(frame);
      return begin_content(frame.channel, Incoming::Kind::delivery, method.delivery_tag, method.redelivered != 0);
    }
    case AMQP_BASIC_GET_OK_METHOD: {
      const auto& method = decoded<amqp_basic_get_ok_t>(frame);
      return begin_content(frame.channel, Incoming::Kind::got, method.delivery_tag, method.redelivered != 0);
    }
    case AMQP_BASIC_RETURN_METHOD:
      begin_content(frame.channel, Incoming::Kind::returned, 0, false);
      incoming_[frame.channel].returned_queue = text_of(decoded<amqp_basic_return_t>(frame).routing_key);
      return;
    case AMQP_BASIC_GET_EMPTY_METHOD: return events_.on_got(std::nullopt);
    case AMQP_BASIC_ACK_METHOD: {
      const auto& method = decoded<amqp_basic_ack_t>(frame);
      return events_.on_confirm(method.delivery_tag, method.multiple != 0, true);
    }
    case AMQP_BASIC_NACK_METHOD: {
      const auto& method = decoded<amqp_basic_nack_t>(frame);
      return events_.on_confirm(method.delivery_tag, method.multiple != 0, false);
    }
    case AMQP_CONNECTION_BLOCKED_METHOD:
      return events_.on_blocked(text_of(decoded<amqp_connection_blocked_t>(frame).reason));
    case AMQP_CONNECTION_UNBLOCKED_METHOD: return events_.on_unblocked();
    case AMQP_BASIC_CANCEL_METHOD: return lose("the work queue was deleted, or has moved");
    case AMQP_CHANNEL_CLOSE_METHOD: return lose(text_of(decoded<amqp_channel_close_t>(frame).reply_text));
    case AMQP_CONNECTION_CLOSE_METHOD: return lose(text_of(decoded<amqp_connection_close_t>(frame).reply_text));
    default: return;
  }
}

void RabbitConnection::begin_content(amqp_channel_t channel, Incoming::Kind kind, uint64_t tag, bool redelivered) {
  Incoming& incoming = incoming_[channel];
  incoming = {};
  incoming.kind = kind;
  incoming.arrival.tag = tag;
  incoming.arrival.redelivered = redelivered;
}

void RabbitConnection::on_body(Incoming& incoming, amqp_bytes_t piece) {
  incoming.body.append(static_cast<const char*>(piece.bytes), piece.len);
  if (incoming.body.size() >= incoming.body_size) finish(incoming);
}

void RabbitConnection::finish(Incoming& incoming) {
  Incoming whole = std::exchange(incoming, {});
  RabbitArrival arrival = std::move(whole.arrival);
  if (whole.kind == Incoming::Kind::returned) return events_.on_returned(whole.returned_queue, arrival.message.id);
  if (whole.kind == Incoming::Kind::none) return;
  arrival.message.body = {"", std::make_shared<SharedBody>(std::move(whole.body))};
  arrival.damaged = message_crc(arrival.message) != arrival.message.crc;
  whole.kind == Incoming::Kind::delivery ? events_.on_delivery(std::move(arrival)) : events_.on_got(std::move(arrival));
}

}  // namespace tidegate::jobs
