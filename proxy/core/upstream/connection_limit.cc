#include "core/upstream/connection_limit.h"

#include <algorithm>

#include "base/assert.h"

namespace tidegate::core {

void ConnectionLimit::join(Member& member) {
  const std::lock_guard lock(mutex_);
  members_.push_back(&member);
}

void ConnectionLimit::leave(Member& member) {
  const std::lock_guard lock(mutex_);
  TG_ASSERT(member.waiting_ == 0);
  std::erase(members_, &member);
  open_ -= member.open_;
  grant_room();
}

bool ConnectionLimit::try_open(Member& member) {
  const std::lock_guard lock(mutex_);
  if (open_ >= connections_max_ || anyone_waits()) return false;
  ++open_;
  ++member.open_;
  return true;
}

bool ConnectionLimit::wait(Member& member) {
  const std::lock_guard lock(mutex_);
  if (waiting_ >= pending_max_ && open_ >= connections_max_) return false;
  ++waiting_;
  ++member.waiting_;
  grant_room();
  if (!anyone_waits()) return true;
  for (Member* other : members_) {
    if (other->idle_ > 0) other->on_recheck_idle();
  }
  return true;
}

bool ConnectionLimit::stop_waiting(Member& member) {
  const std::lock_guard lock(mutex_);
  if (member.waiting_ == 0) return false;
  --member.waiting_;
  --waiting_;
  return true;
}

void ConnectionLimit::closed(Member& member) {
  const std::lock_guard lock(mutex_);
  --open_;
  --member.open_;
  grant_room();
}

ConnectionLimit::Returned ConnectionLimit::returned(Member& member) {
  if (!anyone_waits()) return Returned::idle;
  const std::lock_guard lock(mutex_);
  if (!anyone_waits()) return Returned::idle;
  const bool own = member.waiting_ > 0 && (member.open_ <= share() || &next_in_turn() == &member);
  if (!own) return Returned::close;
  if (&next_in_turn() == &member) ++turn_;
  --member.waiting_;
  --waiting_;
  return Returned::serve_next;
}

void ConnectionLimit::recheck_idle() {
  const std::lock_guard lock(mutex_);
  for (Member* member : members_) member->on_recheck_idle();
}

// REQUIRES that somebody waits. A turn that nobody takes passes on.
ConnectionLimit::Member& ConnectionLimit::next_in_turn() {
  for (;; ++turn_) {
    turn_ %= members_.size();
    if (members_[turn_]->waiting_ > 0) return *members_[turn_];
  }
}

void ConnectionLimit::grant_room() {
  while (anyone_waits() && open_ < connections_max_) {
    Member& member = next_in_turn();
    ++turn_;
    --member.waiting_;
    --waiting_;
    ++member.open_;
    ++open_;
    member.on_room_granted();
  }
}

}  // namespace tidegate::core
