// One connection to RabbitMQ by librabbitmq, blocking within its bounds: for the queue's own thread (rabbit_thread.h),
// which owns it. What comes from the broker is told to the events, inside next().
//
//   channel 1  publishes, with confirms        channel 2  the work queue's consumer        channel 3  looks into the
//   dead
//
// Any error of a channel or the connection is the end of it: lost() says why, and the owner makes another.
#pragma once

#include <amqp.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "jobs/rabbit/message.h"

namespace tidegate::jobs {

// A message that was delivered, or got.
struct RabbitArrival {
  uint64_t tag = 0;
  bool redelivered = false;
  RabbitMessage message;  // the body whole
  bool damaged = false;   // the checksum does not match
};

class RabbitEvents {
 public:
  virtual ~RabbitEvents() = default;
  virtual void on_delivery(RabbitArrival arrival) = 0;
  virtual void on_got(std::optional<RabbitArrival> letter) = 0;  // answers get(); none: the queue is empty
  virtual void on_confirm(uint64_t number, bool multiple, bool taken) = 0;
  virtual void on_returned(const std::string& queue, const std::string& id) = 0;  // before its confirm
  virtual void on_blocked(const std::string& reason) = 0;
  virtual void on_unblocked() = 0;
};

class RabbitConnection {
 public:
  explicit RabbitConnection(RabbitEvents& events) : events_(events) {}
  ~RabbitConnection();
  RabbitConnection(const RabbitConnection&) = delete;
  RabbitConnection& operator=(const RabbitConnection&) = delete;

  // Connects, logs in, opens the channels, all within `bound` a step.
  Status open(const config::AmqpUrl& url, Duration bound);
  // Says goodbye; the destructor alone just hangs up.
  void close();

  bool exists(const std::string& queue);
  // Declares a durable quorum queue. ttl_ms > 0: a delay queue, whose messages go to `then`.
  void declare(const std::string& queue, int64_t ttl_ms, const std::string& then);
  void consume(const std::string& queue, uint16_t prefetch);
  void stop_consuming();
  void ack(uint64_t tag);
  void give_back(uint64_t tag);

  // Mandatory and persistent. The number that its confirm will name. A body in a file is sent piece by piece.
  // expiration_ms 0 = none.
  uint64_t publish(const std::string& queue, const RabbitMessage& message, int64_t expiration_ms);

  // One message of the dead letters; held until it is kept or dropped.
  void get(const std::string& queue);
  void drop_letter(uint64_t tag);
  void keep_letter(uint64_t tag);

  // Takes what has arrived, at most one frame; false: nothing has.
  bool next();
  int socket() const;
  // None: it stands.
  const std::optional<std::string>& lost() const { return lost_; }

 private:
  struct Incoming {  // content on its way, one a channel
    enum class Kind { none, delivery, got, returned } kind = Kind::none;
    RabbitArrival arrival;
    std::string returned_queue;
    std::string body;
    uint64_t body_size = 0;
  };

  void on_method(const amqp_frame_t& frame);
  void begin_content(amqp_channel_t channel, Incoming::Kind kind, uint64_t tag, bool redelivered);
  void on_body(Incoming& incoming, amqp_bytes_t piece);
  void finish(Incoming& incoming);
  void check(const char* what, int status);
  void check_reply(const char* what);
  void lose(std::string why);
  int send_file(const amqp_basic_publish_t& method, const amqp_basic_properties_t& properties,
                const net::FileContent& body);

  RabbitEvents& events_;
  amqp_connection_state_t state_ = nullptr;
  Incoming incoming_[4];
  std::string consumer_;
  uint64_t published_ = 0;
  std::optional<std::string> lost_;
};

}  // namespace tidegate::jobs
