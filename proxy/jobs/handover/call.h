// The calls to a queue that one process makes for another: what RemoteCalls sends, QueueService does. A call and its
// answer are one message each; the body of a draft goes with it, a large one as a descriptor.
//
//   call     id · kind · queue · id of the job, or its draft
//   answer   id · error, or the result
//
// Numbers are 8 bytes, little-endian; a text is its length and its bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "jobs/job_queue.h"
#include "net/local/message_socket.h"

namespace tidegate::jobs {

class MessageWriter {
 public:
  MessageWriter& number(uint64_t value);
  MessageWriter& text(std::string_view value);
  MessageWriter& wall_time(WallTime value);
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Reading past the end gives zeros and makes ok() false.
class MessageReader {
 public:
  explicit MessageReader(std::string_view bytes) : bytes_(bytes) {}
  uint64_t number();
  std::string text();
  WallTime wall_time();
  bool ok() const { return ok_; }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

enum class CallKind : uint8_t { append, find, result, read, cancel };

struct QueueCall {
  uint64_t id = 0;
  CallKind kind = CallKind::find;
  std::string queue = {};
  std::string job_id = {};  // all but append
  JobDraft draft = {};      // append
  uint64_t offset = 0;      // read: of the stored result
  uint64_t count = 0;
};

// Errors: exhausted (no descriptor is left for the body), io.
Result<net::Message> encode(const QueueCall& call);
// None: it breaks the rules above.
std::optional<QueueCall> decode_call(net::Message message);

struct QueueAnswer {
  uint64_t id = 0;
  std::optional<Error> error = {};
  // Where there is no error, what the call is for; the others are empty.
  Appended appended = {};
  JobRecord record = {};
  uint16_t result_status = 0;
  FieldList result_fields = {};
  uint64_t result_size = 0;
  std::string piece = {};  // of a result's body
};

net::Message encode(const QueueAnswer& answer);
std::optional<QueueAnswer> decode_answer(const net::Message& message);

}  // namespace tidegate::jobs
