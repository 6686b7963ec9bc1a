// The memory budget for pictures: those that uploads brought and that have no response yet, and those being sent.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>

#include "api/store/object.h"

namespace tidegate::api {

class MemoryBudget {
 public:
  explicit MemoryBudget(uint64_t bytes_max) : bytes_max_(bytes_max) {}
  uint64_t used() const { return used_; }

 private:
  friend class MemoryReservation;
  const uint64_t bytes_max_;
  uint64_t used_ = 0;
};

// A part of the budget, released by its destructor. The budget must outlive it.
class MemoryReservation {
 public:
  explicit MemoryReservation(MemoryBudget& budget) : budget_(&budget) {}
  MemoryReservation(MemoryReservation&& other) noexcept
      : budget_(other.budget_), bytes_(std::exchange(other.bytes_, 0)) {}
  MemoryReservation& operator=(MemoryReservation&& other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~MemoryReservation() { release(); }

  // False: the budget has too little left, and nothing was reserved.
  bool grow(uint64_t bytes) {
    if (bytes > budget_->bytes_max_ - budget_->used_) return false;
    budget_->used_ += bytes;
    bytes_ += bytes;
    return true;
  }
  // REQUIRES that at least `bytes` are reserved.
  void shrink_to(uint64_t bytes) {
    budget_->used_ -= bytes_ - bytes;
    bytes_ = bytes;
  }
  void release() { budget_->used_ -= std::exchange(bytes_, 0); }

 private:
  MemoryBudget* budget_;
  uint64_t bytes_ = 0;
};

// The reservations of pictures being sent. A picture that several clients receive at once is in memory once, so it
// counts once: slow readers of one picture do not use up the budget for others. The budget and this object must outlive
// the reservations.
class SharedReservations {
 public:
  explicit SharedReservations(MemoryBudget& budget) : budget_(budget) {}
  SharedReservations(const SharedReservations&) = delete;
  SharedReservations& operator=(const SharedReservations&) = delete;

  // The picture's reservation, to be held as long as the picture. Null: the budget has too little left.
  std::shared_ptr<const MemoryReservation> reserve(const ObjectPtr& picture) {
    if (const auto found = reservations_.find(picture.get()); found != reservations_.end()) return found->second.lock();
    MemoryReservation reservation(budget_);
    if (!reservation.grow(picture->bytes.size())) return nullptr;
    // The deleter owns the picture, so the entry goes before the picture's address can be reused.
    const std::shared_ptr<const MemoryReservation> made(new MemoryReservation(std::move(reservation)),
                                                        [this, picture](const MemoryReservation* last) {
                                                          reservations_.erase(picture.get());
                                                          delete last;
                                                        });
    reservations_.emplace(picture.get(), made);
    return made;
  }

 private:
  MemoryBudget& budget_;
  std::unordered_map<const Object*, std::weak_ptr<const MemoryReservation>> reservations_;
};

}  // namespace tidegate::api
