// A body on its way through: kept whole for another attempt or for a job (first in memory, then in an unlinked
// temporary file), or only passed through. One writer appends; one reader follows it from any position that is still
// kept.
//
//   memory ──memory is used up──▶ file        (all of it can be read again)
//      │                           │ stop_keeping, or the disk fails
//      └── over keep_max ──────────┴──▶ passing (only what has not been read yet is held, in memory)
//
// It takes up to its limit of memory, and no more than the process's budget allows.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/buffer_budget.h"
#include "jobs/job.h"
#include "net/runtime.h"

namespace tidegate::core {

class SpooledBody {
 public:
  static constexpr size_t kMemoryMax = 256 * 1024;
  static constexpr size_t kBufferMax = 64 * 1024;
  static constexpr const char* kNoRoom = "neither memory nor a temporary file for the body";  // the log's reason

  struct Limits {
    uint64_t keep_max;             // larger bodies stop being kept; 0 = pass through from the start
    uint64_t memory = kMemoryMax;  // beyond: a file
  };

  // `on_change` runs, never inside a call, when bytes have become readable, there is room again, or keeping has ended
  // by itself. Runtime and budget outlive the body.
  SpooledBody(net::Runtime& runtime, BufferBudget& budget, const Limits& limits, std::function<void()> on_change);

  // REQUIRES !ended().
  void append(std::string_view piece);
  // Counts bytes that were delivered directly to the reader. REQUIRES that all before them have been read.
  void append_delivered(std::string_view piece);
  void end() { ended_ = true; }

  // False: more than a buffer waits (for the disk, or to be passed on), or anything while the budget is used up; the
  // writer should pause.
  bool has_room() const;
  uint64_t received() const { return received_; }
  bool ended() const { return ended_; }
  // All of it can be read again from 0.
  bool kept() const { return mode_ != Mode::passing && !overflowed_; }
  // Kept, ended, and nothing waits for the disk: take_content() may be called.
  bool settled() const { return kept() && ended_ && !writing() && unwritten_.empty(); }
  // From now on only passed through, from `position` (what the reader has read). A file is closed only once the reader
  // has caught up: until then nothing changes.
  void stop_keeping(uint64_t position);

  // What can be read at `position` at once, without I/O; empty if that needs the file, or nothing is there yet.
  std::string_view peek(uint64_t position) const;
  // True if bytes at `position` are in the file: use read_file.
  bool in_file(uint64_t position) const;
  // True if bytes at `position` were received but can no longer be read (the disk failed).
  bool lost(uint64_t position) const { return mode_ == Mode::passing && position < base_; }
  // One at a time; the callback runs later. REQUIRES in_file(position).
  void read_file(uint64_t position, std::function<void(Result<std::string>)> done);
  // Passing: bytes before `position` are no longer needed.
  void consumed(uint64_t position);

  // REQUIRES settled(). Shares the file; copies memory out (leaves the body empty).
  jobs::BodyContent take_content();

 private:
  enum class Mode { memory, file, passing };

  bool fits_memory(size_t more);
  void to_file();
  void charge_waiting();
  bool writing() const { return being_written_ > 0; }
  void write_on();
  void disk_failed(const std::string& not_written);

  net::Runtime& runtime_;
  const Limits limits_;
  BufferShare share_;
  std::function<void()> on_change_;
  Mode mode_;
  std::string memory_;  // memory: all; passing: the bytes from base_ on
  uint64_t base_ = 0;   // passing: the position of memory_[0]
  std::unique_ptr<net::TempFile> file_;
  std::string unwritten_;      // file: waits for the append under way
  size_t being_written_ = 0;   // bytes of that append; 0: there is none
  bool memory_short_ = false;  // file: what waits for it is not covered by the share
  bool reading_ = false;
  std::function<void(Result<std::string>)> waiting_read_;
  uint64_t waiting_position_ = 0;
  uint64_t received_ = 0;
  bool overflowed_ = false;  // larger than keep_max: the file is only read to its end
  bool ended_ = false;
};

}  // namespace tidegate::core
