#include "jobs/rabbit/broker/connection.h"

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>

#include <algorithm>

#include "jobs/rabbit/broker/amqp_values.h"
#include "jobs/rabbit/broker/frame_reader.h"
#include "jobs/rabbit/broker/properties.h"
#include "net/clock.h"
#include "net/doorbell.h"
#include "net/uv/resolve_within.h"

namespace tidegate::jobs {

namespace {

constexpr amqp_channel_t kPublishing = 1, kConsuming = 2, kDeadLetters = 3;
constexpr int kFrameMax = 131072;
constexpr size_t kFrameOverhead = 8;
constexpr int kHeartbeat_s = 2;  // two of them missed: lost
// RabbitMQ 4 drops a message after 20 deliveries by default: broken connections must not use up a job.
constexpr int64_t kDeliveryLimit = 1'000'000'000;

timeval to_timeval(Duration d) {
  const auto us = std::chrono::ceil<std::chrono::microseconds>(d).count();
  return {us / 1'000'000, us % 1'000'000};
}

std::string describe(const amqp_rpc_reply_t& reply) {
  if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION) return amqp_error_string2(reply.library_error);
  if (reply.reply_type != AMQP_RESPONSE_SERVER_EXCEPTION || !reply.reply.decoded) return "no reply";
  if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
    return text_of(static_cast<amqp_channel_close_t*>(reply.reply.decoded)->reply_text);
  }
  return text_of(static_cast<amqp_connection_close_t*>(reply.reply.decoded)->reply_text);
}

// As amqp_basic_publish does, without the whole body in memory.
int publish_file(amqp_connection_state_t state, amqp_basic_publish_t method, amqp_basic_properties_t& properties,
                 const net::FileContent& body) {
  int status = amqp_send_method(state, kPublishing, AMQP_BASIC_PUBLISH_METHOD, &method);
  amqp_frame_t frame;
  frame.frame_type = AMQP_FRAME_HEADER;
  frame.channel = kPublishing;
  frame.payload.properties.class_id = AMQP_BASIC_CLASS;
  frame.payload.properties.body_size = body.size();
  frame.payload.properties.decoded = &properties;
  if (status == AMQP_STATUS_OK) status = amqp_send_frame(state, &frame);
  const size_t piece_max = static_cast<size_t>(amqp_get_frame_max(state)) - kFrameOverhead;
  for (uint64_t at = 0; status == AMQP_STATUS_OK && at < body.size();) {
    const auto piece = body.read_at(at, piece_max);
    // A message that was begun cannot be taken back: the connection ends with it.
    if (!piece || piece->empty()) return AMQP_STATUS_INVALID_PARAMETER;
    frame.frame_type = AMQP_FRAME_BODY;
    frame.payload.body_fragment = bytes_of(*piece);
    status = amqp_send_frame(state, &frame);
    at += piece->size();
  }
  return status;
}

}  // namespace

RabbitConnection::RabbitConnection(RabbitEvents& events) : frames_(std::make_unique<FrameReader>(events)) {}

RabbitConnection::~RabbitConnection() {
  if (state_) amqp_destroy_connection(state_);
}

Status RabbitConnection::open(const config::AmqpUrl& url, const net::TlsServer& tls, Duration bound) {
  Status opened = connect(url, tls, bound);
  if (opened) opened = log_in(url);
  if (opened) opened = open_channels();
  if (opened) return opened;
  const std::string by_tls = take_tls_failure();  // of TLS 1.3, a server refuses our certificate after the handshake
  return Error{ErrorCode::unavailable,
               "rabbitmq " + url.shown() + ": " + (by_tls.empty() ? opened.error().message : by_tls)};
}

Status RabbitConnection::connect(const config::AmqpUrl& url, const net::TlsServer& tls, Duration bound) {
  const timeval timeout = to_timeval(bound);
  state_ = amqp_new_connection();
  const auto socket = make_socket(url, tls);
  if (!socket) return socket.error();
  if (Status reached = reach(**socket, url, bound + tls.time_max()); !reached) return reached;
  if (tls_) tls_->await_verdict(this->socket());
  net::bound_unacknowledged(this->socket(), bound);
  // Without its time limits a silent broker would hold this thread for ever.
  const bool bounded = amqp_set_handshake_timeout(state_, &timeout) == AMQP_STATUS_OK &&
                       amqp_set_rpc_timeout(state_, &timeout) == AMQP_STATUS_OK;
  return bounded ? Status(Ok{}) : Status(Error{ErrorCode::unavailable, "its time limits cannot be set"});
}

// The library verifies nothing itself: TlsLoan does, since the library knows the address only, not the name.
Result<amqp_socket_t*> RabbitConnection::make_socket(const config::AmqpUrl& url, const net::TlsServer& tls) {
  amqp_socket_t* const socket = !state_      ? nullptr
                                : tls.used() ? amqp_ssl_socket_new(state_)
                                             : amqp_tcp_socket_new(state_);
  if (!socket) return Error{ErrorCode::unavailable, "no memory"};
  if (!tls.used()) return socket;
  const auto generation = tls.context->current();
  if (!generation) return Error{ErrorCode::unavailable, net::kTlsFilesUnusable};
  amqp_ssl_socket_set_verify_hostname(socket, 0);
  tls_ = std::make_unique<net::TlsLoan>(*static_cast<SSL_CTX*>(amqp_ssl_socket_get_context(socket)), *generation,
                                        tls.name.empty() ? url.host : tls.name);
  return socket;
}

// At the first address of the host that accepts. The library would look the name up without a time limit, and give all
// of the time to the first address.
Status RabbitConnection::reach(amqp_socket_t& socket, const config::AmqpUrl& url, Duration bound) {
  const Time until = net::read_monotonic_clock() + bound;
  const auto addresses = net::resolve_within(url.host, bound);
  if (!addresses) return addresses.error();
  std::string errors;
  for (auto left = static_cast<int64_t>(addresses->size()); left > 0; --left) {
    const SocketAddress to{(*addresses)[addresses->size() - static_cast<size_t>(left)], url.port};
    const timeval share = to_timeval(std::max<Duration>((until - net::read_monotonic_clock()) / left, 1ms));
    const int status = amqp_socket_open_noblock(&socket, to.ip.to_string().c_str(), to.port, &share);
    if (status == AMQP_STATUS_OK) return Ok{};
    const bool hung = status == AMQP_STATUS_TIMEOUT && tls_ && tls_->is_handshaking();
    std::string failure = take_tls_failure();
    if (hung) failure = "TLS: the handshake was not complete in time";
    errors +=
        (errors.empty() ? "" : "; ") + to.to_string() + ": " + (failure.empty() ? amqp_error_string2(status) : failure);
  }
  return Error{ErrorCode::unavailable, errors};
}

Status RabbitConnection::log_in(const config::AmqpUrl& url) {
  amqp_table_entry_t can[] = {flag_entry("connection.blocked"), flag_entry("consumer_cancel_notify"),
                              flag_entry("publisher_confirms"), flag_entry("basic.nack")};
  amqp_table_entry_t capabilities;
  capabilities.key = amqp_cstring_bytes("capabilities");
  capabilities.value.kind = AMQP_FIELD_KIND_TABLE;
  capabilities.value.value.table = {4, can};
  const amqp_table_t properties{1, &capabilities};
  const amqp_rpc_reply_t reply =
      amqp_login_with_properties(state_, url.vhost.c_str(), 0, kFrameMax, kHeartbeat_s, &properties,
                                 AMQP_SASL_METHOD_PLAIN, url.user.c_str(), url.password.c_str());
  if (reply.reply_type == AMQP_RESPONSE_NORMAL) return Ok{};
  return Error{ErrorCode::unavailable, "login: " + describe(reply)};
}

Status RabbitConnection::open_channels() {
  for (const amqp_channel_t channel : {kPublishing, kConsuming, kDeadLetters}) {
    if (lost_) break;
    amqp_channel_open(state_, channel);
    check_reply("open a channel");
  }
  if (!lost_) {
    amqp_confirm_select(state_, kPublishing);
    check_reply("select confirms");
  }
  if (lost_) return Error{ErrorCode::unavailable, *lost_};
  return Ok{};
}

void RabbitConnection::close() {
  if (state_ && !lost_) amqp_connection_close(state_, AMQP_REPLY_SUCCESS);
  lose("closed");
}

// Where the queue does not exist, the broker closes the channel; it is opened again.
bool RabbitConnection::exists(const std::string& queue) {
  if (lost_) return false;
  if (amqp_queue_declare(state_, kDeadLetters, bytes_of(queue), 1, 0, 0, 0, amqp_empty_table)) return true;
  const amqp_rpc_reply_t reply = amqp_get_rpc_reply(state_);
  if (reply.reply_type != AMQP_RESPONSE_SERVER_EXCEPTION || reply.reply.id != AMQP_CHANNEL_CLOSE_METHOD) {
    lose("look for " + queue + ": " + describe(reply));
    return false;
  }
  amqp_channel_close_ok_t closed{};
  check("close a channel", amqp_send_method(state_, kDeadLetters, AMQP_CHANNEL_CLOSE_OK_METHOD, &closed));
  if (lost_) return false;
  amqp_channel_open(state_, kDeadLetters);
  check_reply("open a channel");
  return false;
}

void RabbitConnection::declare(const std::string& queue, int64_t ttl_ms, const std::string& expired_to) {
  if (lost_) return;
  amqp_table_entry_t entries[6] = {text_entry("x-queue-type", amqp_cstring_bytes("quorum")),
                                   number_entry("x-delivery-limit", kDeliveryLimit)};
  int count = 2;
  if (ttl_ms > 0) {
    // at-least-once: the broker moves an expired message with a confirm of its own.
    entries[1] = number_entry("x-message-ttl", ttl_ms);
    entries[count++] = text_entry("x-dead-letter-exchange", amqp_cstring_bytes(""));
    entries[count++] = text_entry("x-dead-letter-routing-key", bytes_of(expired_to));
    entries[count++] = text_entry("x-dead-letter-strategy", amqp_cstring_bytes("at-least-once"));
    entries[count++] = text_entry("x-overflow", amqp_cstring_bytes("reject-publish"));
  }
  amqp_queue_declare(state_, kPublishing, bytes_of(queue), 0, 1, 0, 0, {count, entries});
  check_reply("declare " + queue);
}

void RabbitConnection::consume(const std::string& queue, uint16_t prefetch) {
  if (lost_) return;
  amqp_basic_qos(state_, kConsuming, 0, prefetch, 0);
  check_reply("set the prefetch");
  if (lost_) return;
  // A name that no earlier consumer had: a quorum queue remembers what it delivered to each name.
  consumer_ = "tidegate." + std::to_string(net::read_wall_clock().time_since_epoch().count());
  amqp_basic_consume(state_, kConsuming, bytes_of(queue), bytes_of(consumer_), 0, 0, 0, amqp_empty_table);
  check_reply("consume");
}

void RabbitConnection::stop_consuming() {
  if (lost_) return;
  amqp_basic_cancel(state_, kConsuming, bytes_of(consumer_));
  check_reply("cancel the consumer");
}

void RabbitConnection::ack(uint64_t tag) {
  if (!lost_) check("ack", amqp_basic_ack(state_, kConsuming, tag, 0));
}
void RabbitConnection::requeue(uint64_t tag) {
  if (!lost_) check("nack", amqp_basic_nack(state_, kConsuming, tag, 0, 1));
}
void RabbitConnection::ack_dead_letter(uint64_t tag) {
  if (!lost_) check("ack", amqp_basic_ack(state_, kDeadLetters, tag, 0));
}
void RabbitConnection::requeue_dead_letter(uint64_t tag) {
  if (!lost_) check("nack", amqp_basic_nack(state_, kDeadLetters, tag, 0, 1));
}

uint64_t RabbitConnection::publish(const std::string& queue, const RabbitMessage& message, int64_t expiration_ms) {
  if (lost_) return 0;
  const RabbitProperties encoded(message);
  amqp_basic_properties_t properties = *encoded.get();
  const std::string expiration = std::to_string(expiration_ms);
  if (expiration_ms > 0) {
    properties._flags |= AMQP_BASIC_EXPIRATION_FLAG;
    properties.expiration = bytes_of(expiration);
  }
  const auto* shared = dynamic_cast<const SharedBody*>(message.body.file.get());
  if (message.body.file && !shared && message.body.size() > 0) {
    const amqp_basic_publish_t method{0, amqp_empty_bytes, bytes_of(queue), 1, 0};
    check("publish", publish_file(state_, method, properties, *message.body.file));
  } else {
    const amqp_bytes_t body = bytes_of(shared ? shared->bytes() : message.body.memory);
    check("publish",
          amqp_basic_publish(state_, kPublishing, amqp_empty_bytes, bytes_of(queue), 1, 0, &properties, body));
  }
  return ++published_;
}

void RabbitConnection::get_dead_letter(const std::string& queue) {
  if (lost_) return;
  amqp_basic_get_t method{0, bytes_of(queue), 0};
  check("get", amqp_send_method(state_, kDeadLetters, AMQP_BASIC_GET_METHOD, &method));
}

bool RabbitConnection::read_frame() {
  if (lost_) return false;
  amqp_frame_t frame;
  timeval no_wait{0, 0};
  const int status = amqp_simple_wait_frame_noblock(state_, &frame, &no_wait);
  if (status == AMQP_STATUS_TIMEOUT) return false;
  if (status != AMQP_STATUS_OK) {
    check("read", status);
    return false;
  }
  if (auto why = frames_->read(frame)) lose(std::move(*why));
  amqp_maybe_release_buffers(state_);
  return true;
}

int RabbitConnection::socket() const { return state_ ? amqp_get_sockfd(state_) : -1; }

void RabbitConnection::check(const char* what, int status) {
  if (status != AMQP_STATUS_OK) lose(std::string(what) + ": " + amqp_error_string2(status));
}

void RabbitConnection::check_reply(const std::string& what) {
  const amqp_rpc_reply_t reply = amqp_get_rpc_reply(state_);
  if (reply.reply_type != AMQP_RESPONSE_NORMAL) lose(what + ": " + describe(reply));
}

void RabbitConnection::lose(std::string why) {
  if (!lost_) lost_ = std::move(why);
}

}  // namespace tidegate::jobs
