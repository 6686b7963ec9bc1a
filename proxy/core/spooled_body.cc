#include "core/spooled_body.h"

#include <algorithm>

#include "base/assert.h"
#include "base/log.h"

namespace tidegate::core {

SpooledBody::SpooledBody(net::Runtime& runtime, BufferBudget& budget, const Limits& limits,
                         std::function<void()> on_change)
    : runtime_(runtime),
      limits_(limits),
      share_(budget),
      on_change_(std::move(on_change)),
      mode_(limits.keep_max > 0 ? Mode::memory : Mode::passing) {}

void SpooledBody::append(std::string_view piece) {
  TG_ASSERT(!ended_);
  received_ += piece.size();
  if (mode_ != Mode::passing && received_ > limits_.keep_max) {
    overflowed_ = true;  // a reader that lags continues from the file; nobody will read from 0 again
    if (mode_ == Mode::memory) stop_keeping(0);
  }
  if (mode_ == Mode::memory && !fits_memory(piece.size())) to_file();
  if (mode_ == Mode::file) {
    unwritten_.append(piece);
    charge_waiting();
    write_on();
  } else {
    memory_.append(piece);
    if (mode_ == Mode::passing) share_.resize(memory_.size());  // without a share too: it is bounded by has_room()
  }
}

// What is charged is what the string takes: it doubles.
bool SpooledBody::fits_memory(size_t more) {
  const uint64_t size = memory_.size() + more;
  const uint64_t taken =
      size <= memory_.capacity() ? memory_.capacity() : std::max<uint64_t>(2 * memory_.capacity(), size);
  return size <= limits_.memory && share_.resize(taken);
}

void SpooledBody::append_delivered(std::string_view piece) {
  if (mode_ == Mode::file && overflowed_) stop_keeping(received_);  // the reader has caught up: nobody needs the file
  consumed(received_);
  if (mode_ != Mode::passing) {
    append(piece);
    return consumed(received_);  // keeping may have ended with this very piece
  }
  TG_ASSERT(!ended_ && memory_.empty());
  received_ += piece.size();
  base_ = received_;
}

bool SpooledBody::has_room() const {
  if (mode_ == Mode::memory) return true;
  if (mode_ == Mode::passing) return memory_.size() < kBufferMax;
  const bool nothing_waits = unwritten_.empty() && !writing();
  return nothing_waits || (!memory_short_ && unwritten_.size() < kBufferMax);
}

void SpooledBody::charge_waiting() { memory_short_ = !share_.resize(unwritten_.size() + being_written_); }

void SpooledBody::stop_keeping(uint64_t position) {
  if (mode_ == Mode::memory) {
    mode_ = Mode::passing;
    consumed(position);
  } else if (mode_ == Mode::file && position == received_) {
    mode_ = Mode::passing;
    base_ = received_;
    file_.reset();
    unwritten_.clear();
    being_written_ = 0;
    share_.resize(0);
  }
}

std::string_view SpooledBody::peek(uint64_t position) const {
  if (mode_ == Mode::file) return {};
  if (position < base_ || position >= base_ + memory_.size()) return {};
  return std::string_view(memory_).substr(position - base_);
}

bool SpooledBody::in_file(uint64_t position) const { return mode_ == Mode::file && position < file_->size(); }

void SpooledBody::read_file(uint64_t position, std::function<void(Result<std::string>)> done) {
  TG_ASSERT(in_file(position) && !waiting_read_);
  waiting_read_ = std::move(done);
  waiting_position_ = position;
  if (writing() || reading_) return;  // the file does one thing at a time
  reading_ = true;
  file_->read_at(waiting_position_, kBufferMax, [this](Result<std::string> bytes) {
    reading_ = false;
    const auto waiting = std::move(waiting_read_);
    waiting_read_ = nullptr;
    write_on();
    waiting(std::move(bytes));
  });
}

void SpooledBody::consumed(uint64_t position) {
  if (mode_ != Mode::passing || position <= base_) return;
  const size_t gone = std::min<size_t>(position - base_, memory_.size());
  memory_.erase(0, gone);
  if (memory_.empty()) std::string().swap(memory_);
  base_ += gone;
  share_.resize(memory_.size());
}

jobs::BodyContent SpooledBody::take_content() {
  TG_ASSERT(settled());
  if (mode_ == Mode::file) return {{}, file_->content()};
  return {std::move(memory_), nullptr};
}

void SpooledBody::to_file() {
  file_ = runtime_.make_temp_file();
  mode_ = Mode::file;
  unwritten_ = std::exchange(memory_, {});
}

void SpooledBody::write_on() {
  if (mode_ != Mode::file || writing() || reading_ || unwritten_.empty()) return;
  being_written_ = unwritten_.size();
  file_->append(std::exchange(unwritten_, {}), [this](Status written, const std::string& not_written) {
    being_written_ = 0;
    charge_waiting();
    if (!written) {
      log_error("body_spool_failed", {{"reason", written.error().message}});
      disk_failed(not_written);
      return on_change_();
    }
    if (waiting_read_) read_file(waiting_position_, std::exchange(waiting_read_, nullptr));
    write_on();
    on_change_();
  });
}

// What only the file held can no longer be read; a reader that has not got there yet finds it lost.
void SpooledBody::disk_failed(const std::string& not_written) {
  mode_ = Mode::passing;
  memory_ = not_written + std::exchange(unwritten_, {});
  base_ = received_ - memory_.size();
  file_.reset();
  reading_ = false;
  being_written_ = 0;
  if (waiting_read_) std::exchange(waiting_read_, nullptr)(Error{ErrorCode::io, "the kept body could not be written"});
}

}  // namespace tidegate::core
