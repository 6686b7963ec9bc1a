// A job as a RabbitMQ message, readable by any of RabbitMQ's tools: the body is the job's body and nothing else; all
// else about the job is in the properties and headers.
//
//   properties   content_type, delivery_mode 2, message_id = job id, timestamp = accepted at, type "tidegate.job"
//   headers      x-tidegate-route, -method, -target, -fields ("Name: value" a line), -body-ref,
//                -attempt (attempts begun), -max-attempts, -replays, -created-at, -expires-at (RFC 3339),
//                -not-before-ms, -published-ms (Unix time), -crc32c (message_crc)
//   dead letters also -reason, -history (JSON)
#pragma once

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
  int64_t published_ms = 0;  // as work; moving a message keeps it
  int replays = 0;           // by operators
  std::string reason;        // dead letters
  std::string history;       // dead letters
  uint32_t crc = 0;
  BodyContent body;  // a SharedBody where the message came from the broker
};

RabbitMessage message_of(const JobDraft& draft);
// The -history header: "[{"at":…,"took_ms":…,"error":…},…]".
std::string history_json(const JobRecord& record);

// Of the fields that identify the request, and the body. Reads a body in a file piece by piece: on a store's thread
// only. ~0: the body cannot be read.
uint32_t message_crc(const RabbitMessage& message);

int64_t unix_ms(WallTime time);
inline WallTime from_unix_ms(int64_t ms) { return WallTime(std::chrono::milliseconds(ms)); }

// A body in memory with several owners: the message, its claim and its reader.
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
