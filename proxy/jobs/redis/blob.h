// Bodies and results on Redis: hashes of pieces, each led by its own checksum, so that neither side ever has one whole
// in memory twice.
//
//   body:ID   0 ─▶ [crc32c][256 KiB]   1 ─▶ [crc32c][256 KiB]   2 ─▶ [crc32c][rest]
//
// The checksum begins with the blob's name and the piece's number, so that it finds misplaced pieces too.
// Store's thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "jobs/fingerprint.h"
#include "jobs/job.h"
#include "jobs/redis/link.h"

namespace tidegate::jobs {

inline constexpr size_t kBlobPiece = 256 << 10;

// "crc, bytes".
std::string seal_piece(const std::string& blob, uint64_t number, std::string_view bytes);
// invalid: the checksum does not match.
Result<std::string> open_piece(const std::string& blob, uint64_t number, const std::string& sealed);

// What a script gets of a body: a single piece goes with the script, several are stored under `upload` before.
struct UploadedBody {
  std::string upload;  // key without the queue's prefix; "" = `only`
  uint64_t pieces = 0;
  std::string only;
};

// Brings a body to the server, a few pieces at a time, under a key that ends by itself.
class RedisUpload : public std::enable_shared_from_this<RedisUpload> {
 public:
  using Done = std::function<void(Result<UploadedBody>)>;

  // `blob`: "body:ID" or "result:ID", what it will be called. `fingerprint`: fed with the body where not null.
  // `dropped`: nobody waits any more.
  static void start(RedisLink& link, std::string blob, const BodyContent& body,
                    std::shared_ptr<Fingerprint> fingerprint, std::function<bool()> dropped, Done done);

 private:
  RedisUpload(RedisLink& link, std::string blob, const BodyContent& body);
  Result<std::string> next_piece();
  void send_on();
  void end(Result<UploadedBody> result);

  RedisLink& link_;
  const std::string blob_;
  const BodyContent& body_;  // the caller's, kept by `done_`
  std::shared_ptr<Fingerprint> fingerprint_;
  std::function<bool()> dropped_;
  Done done_;
  std::string upload_;
  uint64_t sent_ = 0;  // bytes
  uint64_t pieces_ = 0;
  int in_flight_ = 0;
  net::Timer later_;                   // there is much unsent: this one waits for the others
  std::shared_ptr<RedisUpload> self_;  // while it does
};

// Reads a blob; caches the piece that it has read last, since callers read in smaller ones.
class RedisBlob : public std::enable_shared_from_this<RedisBlob> {
 public:
  RedisBlob(std::string blob, uint64_t size) : blob_(std::move(blob)), size_(size) {}
  uint64_t size() const { return size_; }

  // Errors: not_found (no such piece), invalid (damaged), unavailable.
  void read(RedisLink& link, uint64_t offset, size_t count, std::function<void(Result<std::string>)> done);

 private:
  struct Read {
    uint64_t offset;
    uint64_t end;
    std::string bytes;
    std::function<void(Result<std::string>)> done;
  };
  void go_on(RedisLink& link, const std::shared_ptr<Read>& read);

  const std::string blob_;
  const uint64_t size_;
  uint64_t cached_number_ = ~uint64_t{0};
  std::string cached_;
};

}  // namespace tidegate::jobs
