// Reads a stored body through the store's thread, a whole chunk at a time: its checksum covers the whole, and the
// pieces that are asked for are smaller.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "jobs/sqlite/stored_body.h"
#include "jobs/sqlite/thread.h"
#include "net/body_reader.h"

namespace tidegate::jobs {

class StoredBody final : public net::BodyReader {
 public:
  using ReadChunk = std::function<Result<std::string>(SqliteStore&, uint64_t n, WallTime now)>;
  StoredBody(std::shared_ptr<SqliteThread> thread, net::Runtime& home, uint64_t size, ReadChunk read)
      : thread_(std::move(thread)), home_(home), size_(size), read_(std::move(read)) {}

  uint64_t size() const override { return size_; }

  std::unique_ptr<net::Operation> read_at(uint64_t offset, size_t count,
                                          std::function<void(Result<std::string>)> done) override {
    const uint64_t n = offset / kChunkBytes;
    if (!chunk_->bytes.empty() && chunk_->n == n) {
      auto pending = std::make_shared<PendingCall<std::string>>(&home_, std::move(done));
      pending->set(chunk_->take(offset, count));
      StoreCall::complete(pending);
      return std::make_unique<StoreCallHandle>(std::move(pending));
    }
    auto keep = [chunk = chunk_, n, offset, count, done = std::move(done)](Result<std::string> bytes) {
      if (!bytes) return done(bytes.error());
      *chunk = {n, std::move(*bytes)};
      done(chunk->take(offset, count));
    };
    auto pending = std::make_shared<PendingCall<std::string>>(&home_, std::move(keep));
    const auto read = [read = read_, n, now = home_.wall_now()](SqliteStore& store) { return read(store, n, now); };
    thread_->submit(std::make_shared<TypedSqliteCall<std::string>>(pending, read));
    return std::make_unique<StoreCallHandle>(std::move(pending));
  }

 private:
  struct Chunk {
    uint64_t n = 0;
    std::string bytes;

    // The piece at `offset`; with the last one the chunk is let go.
    std::string take(uint64_t offset, size_t count) {
      const auto at = static_cast<size_t>(offset - n * kChunkBytes);
      if (at >= bytes.size()) return "";
      if (at == 0 && count >= bytes.size()) return std::exchange(bytes, {});
      std::string piece = bytes.substr(at, count);
      if (at + piece.size() == bytes.size()) bytes = {};
      return piece;
    }
  };

  std::shared_ptr<SqliteThread> thread_;
  net::Runtime& home_;
  uint64_t size_;
  ReadChunk read_;
  const std::shared_ptr<Chunk> chunk_ = std::make_shared<Chunk>();  // shared with the read under way
};

}  // namespace tidegate::jobs
