// The bound on all pictures in memory that uploads have brought, or that are being sent.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>

#include "api/store/image.h"

namespace tidegate::api {

class RoomBudget {
 public:
  explicit RoomBudget(uint64_t bytes_max) : bytes_max_(bytes_max) {}
  uint64_t used() const { return used_; }

 private:
  friend class Room;
  const uint64_t bytes_max_;
  uint64_t used_ = 0;
};

// A part of the budget, given back with its owner. The budget outlives it.
class Room {
 public:
  explicit Room(RoomBudget& budget) : budget_(&budget) {}
  Room(Room&& other) noexcept : budget_(other.budget_), bytes_(std::exchange(other.bytes_, 0)) {}
  Room& operator=(Room&& other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Room() { clear(); }

  // False: there is none, and nothing was taken.
  bool grow(uint64_t bytes) {
    if (bytes > budget_->bytes_max_ - budget_->used_) return false;
    budget_->used_ += bytes;
    bytes_ += bytes;
    return true;
  }
  void clear() { budget_->used_ -= std::exchange(bytes_, 0); }

 private:
  RoomBudget* budget_;
  uint64_t bytes_ = 0;
};

// Room for pictures being sent: however many clients are sent the same one, it stands in memory once, and counts once.
// Ten slow readers of one picture do not keep others from theirs. The budget and this outlive what is given.
class SendingRooms {
 public:
  explicit SendingRooms(RoomBudget& budget) : budget_(budget) {}
  SendingRooms(const SendingRooms&) = delete;
  SendingRooms& operator=(const SendingRooms&) = delete;

  // The picture's room, to be held as long as the picture. Null: there is none.
  std::shared_ptr<const Room> find(const ObjectPtr& picture) {
    if (const auto found = rooms_.find(picture.get()); found != rooms_.end()) return found->second.lock();
    Room room(budget_);
    if (!room.grow(picture->bytes.size())) return nullptr;
    // The last one to go forgets it, before the picture can go.
    const std::shared_ptr<const Room> made(new Room(std::move(room)), [this, picture](const Room* gone) {
      rooms_.erase(picture.get());
      delete gone;
    });
    rooms_.emplace(picture.get(), made);
    return made;
  }

 private:
  RoomBudget& budget_;
  std::unordered_map<const Object*, std::weak_ptr<const Room>> rooms_;
};

}  // namespace tidegate::api
