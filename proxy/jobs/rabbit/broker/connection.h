// One connection to RabbitMQ through librabbitmq; each call blocks within a bound. Owned by BrokerLoop and used on its
// thread only. read_frame() reports what the broker sends to the events, which must outlive the connection.
//
//   channel 1 ──▶ publishes, with confirms
//   channel 2 ◀── the consumer of the work queue
//   channel 3 ◀── reads dead letters one by one
//
// An error of a channel or of the connection ends it: lost() says why, later calls do nothing, the owner makes a new
// one.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "config/config.h"
#include "jobs/rabbit/broker/events.h"
#include "net/tls/connect_server.h"
#include "net/tls/tls_loan.h"

// librabbitmq stays out of the headers.
struct amqp_connection_state_t_;
struct amqp_socket_t_;

namespace tidegate::jobs {

class FrameReader;

class RabbitConnection {
 public:
  explicit RabbitConnection(RabbitEvents& events);
  ~RabbitConnection();
  RabbitConnection(const RabbitConnection&) = delete;
  RabbitConnection& operator=(const RabbitConnection&) = delete;

  // Connects, logs in and opens the channels; each step takes at most `bound`, but connecting by TLS also the
  // handshake's own time. `tls`: where the URL is amqps://.
  Status open(const config::AmqpUrl& url, const net::TlsServer& tls, Duration bound);
  // Closes in the protocol's way; the destructor alone just drops the socket.
  void close();

  bool exists(const std::string& queue);
  // Declares a durable quorum queue. ttl_ms > 0: a delay queue, whose expired messages go to `expired_to`.
  void declare(const std::string& queue, int64_t ttl_ms = 0, const std::string& expired_to = "");

  void consume(const std::string& queue, uint16_t prefetch);
  void stop_consuming();
  void ack(uint64_t tag);
  void requeue(uint64_t tag);

  // Mandatory and persistent. Sends a body in a file piece by piece. expiration_ms 0: never. Returns the number that
  // its confirm names; 0: the connection is lost.
  uint64_t publish(const std::string& queue, const RabbitMessage& message, int64_t expiration_ms);

  // Asks for one message, which stays unacked until one of the two below.
  void get_dead_letter(const std::string& queue);
  void ack_dead_letter(uint64_t tag);
  void requeue_dead_letter(uint64_t tag);

  // Takes at most one frame that has arrived; false: none has. Never waits.
  bool read_frame();
  int socket() const;
  const std::optional<std::string>& lost() const { return lost_; }

 private:
  Status connect(const config::AmqpUrl& url, const net::TlsServer& tls, Duration bound);
  Result<amqp_socket_t_*> make_socket(const config::AmqpUrl& url, const net::TlsServer& tls);
  Status reach(amqp_socket_t_& socket, const config::AmqpUrl& url, Duration bound);
  std::string take_tls_failure() { return tls_ ? tls_->take_failure() : ""; }
  Status log_in(const config::AmqpUrl& url);
  Status open_channels();
  void check(const char* what, int status);
  void check_reply(const std::string& what);
  void lose(std::string why);

  const std::unique_ptr<FrameReader> frames_;
  std::unique_ptr<net::TlsLoan> tls_;  // before what uses it, which the destructor ends
  amqp_connection_state_t_* state_ = nullptr;
  std::string consumer_;
  uint64_t published_ = 0;
  std::optional<std::string> lost_;
};

}  // namespace tidegate::jobs
