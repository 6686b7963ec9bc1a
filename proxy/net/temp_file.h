// A temporary file for a body too large to keep in memory: written from front to back by its loop, then read, by its
// loop or by a store's thread. It has no name; it is deleted when the last owner releases it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"

namespace tidegate::net {

// What was written, readable from any thread, with blocking calls: for a store's own thread, never for a loop.
class FileContent {
 public:
  virtual ~FileContent() = default;
  virtual uint64_t size() const = 0;
  // Reads up to `count` bytes at `offset`; fewer only at the end. Errors: io.
  virtual Result<std::string> read_at(uint64_t offset, size_t count) const = 0;
};

// Loop side; the disk is touched off the loop, also to open the file (by the first append) and to close it. Destroying
// it cancels what is under way (silence). One operation at a time: REQUIRES that the callback of the one before has
// run.
class TempFile {
 public:
  virtual ~TempFile() = default;

  // `not_written`: all of the bytes where the append failed, so that nothing is lost; else empty.
  using AppendCallback = std::function<void(Status, const std::string& not_written)>;
  using ReadCallback = std::function<void(Result<std::string>)>;

  // Appends all of `bytes`; the callback runs later. Errors: exhausted (disk full, no descriptor left), io.
  virtual void append(std::string bytes, AppendCallback done) = 0;
  // Reads up to `count` bytes at `offset`; fewer only at the end, empty past it. Errors: io.
  virtual void read_at(uint64_t offset, size_t count, ReadCallback done) = 0;

  virtual uint64_t size() const = 0;  // bytes appended so far

  // Shares what has been appended; lives on after the TempFile.
  virtual std::shared_ptr<const FileContent> content() const = 0;
};

}  // namespace tidegate::net
