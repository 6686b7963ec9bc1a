#include "jobs/rabbit/connection.h"

#include <amqp_tcp_socket.h>

#include "net/clock.h"
#include "net/doorbell.h"

namespace tidegate::jobs {

namespace {

constexpr amqp_channel_t kPublishes = 1, kConsumes = 2, kLetters = 3;
constexpr int kFrameMax = 131072;
constexpr size_t kFrameOverhead = 8;
constexpr int kHeartbeat_s = 2;  // two of them missed: lost
// RabbitMQ 4 has a limit of 20 of its own: a job must not end by connections that broke.
constexpr int64_t kDeliveryLimit = 1'000'000'000;

timeval to_timeval(Duration d) {
  const auto us = std::chrono::ceil<std::chrono::microseconds>(d).count();
  return {us / 1'000'000, us % 1'000'000};
}
std::string text_of(amqp_bytes_t bytes) { return {static_cast<const char*>(bytes.bytes), bytes.len}; }
amqp_bytes_t bytes_of(const std::string& text) { return {text.size(), const_cast<char*>(text.data())}; }

amqp_table_entry_t flag(const char* name) {
  amqp_table_entry_t entry;
  entry.key = amqp_cstring_bytes(name);
  entry.value.kind = AMQP_FIELD_KIND_BOOLEAN;
  entry.value.value.boolean = 1;
  return entry;
}
amqp_table_entry_t number(const char* name, int64_t value) {
  amqp_table_entry_t entry;
  entry.key = amqp_cstring_bytes(name);
  entry.value.kind = AMQP_FIELD_KIND_I64;
  entry.value.value.i64 = value;
  return entry;
}
amqp_table_entry_t text(const char* name, const char* value) {
  amqp_table_entry_t entry;
  entry.key = amqp_cstring_bytes(name);
  entry.value.kind = AMQP_FIELD_KIND_UTF8;
  entry.value.value.bytes = amqp_cstring_bytes(value);
  return entry;
}

std::string describe(const amqp_rpc_reply_t& reply) {
  if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION) return amqp_error_string2(reply.library_error);
  if (reply.reply_type != AMQP_RESPONSE_SERVER_EXCEPTION || !reply.reply.decoded) return "no answer";
  if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
    return text_of(static_cast<amqp_channel_close_t*>(reply.reply.decoded)->reply_text);
  }
  return text_of(static_cast<amqp_connection_close_t*>(reply.reply.decoded)->reply_text);
}

}  // namespace

RabbitConnection::~RabbitConnection() {
  if (state_) amqp_destroy_connection(state_);
}

Status RabbitConnection::open(const config::AmqpUrl& url, Duration bound) {
  const auto failed = [&](const std::string& why) {
    return Error{ErrorCode::unavailable, "rabbitmq " + url.shown() + ": " + why};
  };
  const timeval timeout = to_timeval(bound);
  state_ = amqp_new_connection();
  amqp_socket_t* const socket = state_ ? amqp_tcp_socket_new(state_) : nullptr;
  if (!socket) return failed("no memory");
  const int status = amqp_socket_open_noblock(socket, url.host.c_str(), url.port, &timeout);
  if (status != AMQP_STATUS_OK) return failed(amqp_error_string2(status));
  net::bound_unacknowledged(this->socket(), bound);
  amqp_set_handshake_timeout(state_, &timeout);
  amqp_set_rpc_timeout(state_, &timeout);
  amqp_table_entry_t can[] = {flag("connection.blocked"), flag("consumer_cancel_notify"), flag("publisher_confirms"),
                              flag("basic.nack")};
  amqp_table_entry_t capabilities;
  capabilities.key = amqp_cstring_bytes("capabilities");
  capabilities.value.kind = AMQP_FIELD_KIND_TABLE;
  capabilities.value.value.table = {4, can};
  const amqp_table_t properties{1, &capabilities};
  const amqp_rpc_reply_t login =
      amqp_login_with_properties(state_, url.vhost.c_str(), 0, kFrameMax, kHeartbeat_s, &properties,
                                 AMQP_SASL_METHOD_PLAIN, url.user.c_str(), url.password.c_str());
  if (login.reply_type != AMQP_RESPONSE_NORMAL) return failed("login: " + describe(login));
  for (const amqp_channel_t channel : {kPublishes, kConsumes, kLetters}) {
    if (lost_) break;
    amqp_channel_open(state_, channel);
    check_reply("open a channel");
  }
  if (!lost_) {
    amqp_confirm_select(state_, kPublishes);
    check_reply("confirms");
  }
  if (lost_) return failed(*lost_);
  return Ok{};
}

void RabbitConnection::close() {
  if (state_ && !lost_) amqp_connection_close(state_, AMQP_REPLY_SUCCESS);
  lose("closed");
}

// A queue that is not there costs its channel, which is opened again.
bool RabbitConnection::exists(const std::string& queue) {
  if (lost_) return false;
  if (amqp_queue_declare(state_, kLetters, bytes_of(queue), 1, 0, 0, 0, amqp_empty_table)) return true;
  const amqp_rpc_reply_t reply = amqp_get_rpc_reply(state_);
  if (reply.reply_type != AMQP_RESPONSE_SERVER_EXCEPTION || reply.reply.id != AMQP_CHANNEL_CLOSE_METHOD) {
    lose("look for " + queue + ": " + describe(reply));
    return false;
  }
  amqp_channel_close_ok_t closed{};
  check("close a channel", amqp_send_method(state_, kLetters, AMQP_CHANNEL_CLOSE_OK_METHOD, &closed));
  if (lost_) return false;
  amqp_channel_open(state_, kLetters);
  check_reply("open a channel");
  return false;
}

void RabbitConnection::declare(const std::string& queue, int64_t ttl_ms, const std::string& then) {
  if (lost_) return;
  amqp_table_entry_t entries[6] = {text("x-queue-type", "quorum"), number("x-delivery-limit", kDeliveryLimit)};
  int count = 2;
  if (ttl_ms > 0) {
    // at-least-once: the broker moves a message on with a confirm of its own.
    entries[1] = number("x-message-ttl", ttl_ms);
    entries[count++] = text("x-dead-letter-exchange", "");
    entries[count++] = text("x-dead-letter-routing-key", then.c_str());
    entries[count++] = text("x-dead-letter-strategy", "at-least-once");
    entries[count++] = text("x-overflow", "reject-publish");
  }
  amqp_queue_declare(state_, kPublishes, bytes_of(queue), 0, 1, 0, 0, {count, entries});
  check_reply(("declare " + queue).c_str());
}

void RabbitConnection::consume(const std::string& queue, uint16_t prefetch) {
  if (lost_) return;
  amqp_basic_qos(state_, kConsumes, 0, prefetch, 0);
  check_reply("prefetch");
  if (lost_) return;
  // A name that no other consumer ever had: quorum queues remember what the one before was given.
  consumer_ = "tidegate." + std::to_string(net::read_wall_clock().time_since_epoch().count());
  amqp_basic_consume(state_, kConsumes, bytes_of(queue), bytes_of(consumer_), 0, 0, 0, amqp_empty_table);
  check_reply("consume");
}

void RabbitConnection::stop_consuming() {
  if (lost_) return;
  amqp_basic_cancel(state_, kConsumes, bytes_of(consumer_));
  check_reply("cancel the consumer");
}

void RabbitConnection::ack(uint64_t tag) {
  if (!lost_) check("ack", amqp_basic_ack(state_, kConsumes, tag, 0));
}
void RabbitConnection::give_back(uint64_t tag) {
  if (!lost_) check("nack", amqp_basic_nack(state_, kConsumes, tag, 0, 1));
}
void RabbitConnection::drop_letter(uint64_t tag) {
  if (!lost_) check("ack", amqp_basic_ack(state_, kLetters, tag, 0));
}
void RabbitConnection::keep_letter(uint64_t tag) {
  if (!lost_) check("nack", amqp_basic_nack(state_, kLetters, tag, 0, 1));
}

uint64_t RabbitConnection::publish(const std::string& queue, const RabbitMessage& message, int64_t expiration_ms) {
  if (lost_) return 0;
  const RabbitProperties headed(message);
  amqp_basic_properties_t properties = *headed.get();
  const std::string expiration = std::to_string(expiration_ms);
  if (expiration_ms > 0) {
    properties._flags |= AMQP_BASIC_EXPIRATION_FLAG;
    properties.expiration = bytes_of(expiration);
  }
  const auto* shared = dynamic_cast<const SharedBody*>(message.body.file.get());
  if (message.body.file && !shared && message.body.size() > 0) {
    const amqp_basic_publish_t method{0, amqp_empty_bytes, bytes_of(queue), 1, 0};
    check("publish", send_file(method, properties, *message.body.file));
  } else {
    const amqp_bytes_t body = bytes_of(shared ? shared->bytes() : message.body.memory);
    check("publish",
          amqp_basic_publish(state_, kPublishes, amqp_empty_bytes, bytes_of(queue), 1, 0, &properties, body));
  }
  return ++published_;
}

// As amqp_basic_publish does, without the body whole in memory.
int RabbitConnection::send_file(const amqp_basic_publish_t& method, const amqp_basic_properties_t& properties,
                                const net::FileContent& body) {
  amqp_basic_publish_t copy = method;
  int status = amqp_send_method(state_, kPublishes, AMQP_BASIC_PUBLISH_METHOD, &copy);
  amqp_frame_t frame;
  frame.frame_type = AMQP_FRAME_HEADER;
  frame.channel = kPublishes;
  frame.payload.properties.class_id = AMQP_BASIC_CLASS;
  frame.payload.properties.body_size = body.size();
  frame.payload.properties.decoded = const_cast<amqp_basic_properties_t*>(&properties);
  if (status == AMQP_STATUS_OK) status = amqp_send_frame(state_, &frame);
  const size_t piece_max = static_cast<size_t>(amqp_get_frame_max(state_)) - kFrameOverhead;
  for (uint64_t at = 0; status == AMQP_STATUS_OK && at < body.size();) {
    const auto piece = body.read_at(at, piece_max);
    // A message that was begun cannot be taken back: the connection ends with it.
    if (!piece || piece->empty()) return AMQP_STATUS_INVALID_PARAMETER;
    frame.frame_type = AMQP_FRAME_BODY;
    frame.payload.body_fragment = bytes_of(*piece);
    status = amqp_send_frame(state_, &frame);
    at += piece->size();
  }
  return status;
}

void RabbitConnection::get(const std::string& queue) {
  if (lost_) return;
  amqp_basic_get_t method{0, bytes_of(queue), 0};
  check("get", amqp_send_method(state_, kLetters, AMQP_BASIC_GET_METHOD, &method));
}

int RabbitConnection::socket() const { return state_ ? amqp_get_sockfd(state_) : -1; }

void RabbitConnection::check(const char* what, int status) {
  if (status != AMQP_STATUS_OK) lose(std::string(what) + ": " + amqp_error_string2(status));
}

void RabbitConnection::check_reply(const char* what) {
  const amqp_rpc_reply_t reply = amqp_get_rpc_reply(state_);
  if (reply.reply_type != AMQP_RESPONSE_NORMAL) lose(std::string(what) + ": " + describe(reply));
}

void RabbitConnection::lose(std::string why) {
  if (!lost_) lost_ = std::move(why);
}

}  // namespace tidegate::jobs
