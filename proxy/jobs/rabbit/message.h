// A job as a message of RabbitMQ, readable by any of its tools: the body is the job's body and nothing else, all that
// is known about the job is in the properties and in the headers.
//
//   properties   content_type, delivery_mode 2, message_id = job id, timestamp = accepted at, type "tidegate.job"
//   headers      x-tidegate-route, -method, -target, -fields ("Name: value" a line), -body-ref,
//                -attempt (tries begun), -max-attempts, -replays, -created-at, -expires-at (RFC 3339),
//                -not-before-ms, -published-ms (Unix time), -crc32c (of what stands in `covered` below, and the body)
//   dead letters also -reason, -history (JSON)
#pragma once

#include <amqp.h>
#include <amqp_framing.h>

#include <memory>
#include <string>

#include "jobs/job.h"

namespace tidegate::jobs {

struct RabbitMessage {
  std::string id;
  std::string route;
  std::string method;
  std::string target;
  std::string fields;  // as record_codec.h writes them
  std::string body_ref;
  std::string content_type;
  std::string created_at;
  std::string expires_at;
  int64_t created_s = 0;
  int attempt = 0;
  int max_attempts = 0;
  int64_t not_before_ms = 0;
  int64_t published_ms = 0;  // as work; not when it was moved
  int replays = 0;           // by operators
  std::string reason;        // dead letters
  std::string history;       // dead letters
  uint32_t crc = 0;
  BodyContent body;  // shared with whoever holds the message where it came from the broker
};

RabbitMessage message_of(const JobDraft& draft);

// What goes over the wire; views into `message`, which must outlive it.
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

// Everything but the body. What is missing is empty: a message of somebody else's has a wrong checksum at least.
RabbitMessage read_message(const amqp_basic_properties_t& properties);

// Of the head and the body. A body in a file is read piece by piece: for a store's thread. ~0 where it cannot be read.
uint32_t message_crc(const RabbitMessage& message);

int64_t unix_ms(WallTime time);

// A body in memory that several hold.
class SharedBody final : public net::FileContent {
 public:
  explicit SharedBody(std::string bytes) : bytes_(std::move(bytes)) {}
  const std::string& bytes() const { return bytes_; }
  uint64_t size() const override { return bytes_.size(); }
  Result<std::string> read_at(uint64_t offset, size_t count) const override {
    return offset < bytes_.size() ? bytes_.substr(offset, count) : std::string();
  }

 private:
  const std::string bytes_;
};

}  // namespace tidegate::jobs
