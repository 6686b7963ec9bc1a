#include "core/upstream/connection_limit.h"

#include <algorithm>

#include <fmt/format.h>

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
  left(member, member.open_);
}

bool ConnectionLimit::try_open(Member& member) {
  const std::lock_guard lock(mutex_);
  if (open_ >= connections_max_ || anyone_waits()) return false;
  opened(member);
  return true;
}

bool ConnectionLimit::wait(Member& member) {
  const std::lock_guard lock(mutex_);
  if (waiting_ >= pending_max_ && open_ >= connections_max_) return false;
  ++waiting_;
  ++member.waiting_;
  grant_room();
  if (anyone_waits()) ask_for_idle();
  return true;
}

void ConnectionLimit::reconfigure(int connections_max, int pending_max) {
  const std::lock_guard lock(mutex_);
  connections_max_ = connections_max;
  pending_max_ = pending_max;
  above_limit_ = open_ > connections_max_;
  grant_room();
  if (wants_idle()) ask_for_idle();
}

void ConnectionLimit::ask_for_idle() {
  for (Member* member : members_) {
    if (member->idle_ > 0) member->on_recheck_idle();
  }
}

void ConnectionLimit::opened(Member& member) {
  ++open_;
  ++member.open_;
}

void ConnectionLimit::left(Member& member, int connections) {
  open_ -= connections;
  member.open_ -= connections;
  above_limit_ = open_ > connections_max_;
  grant_room();
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
  left(member, 1);
}

ConnectionLimit::Returned ConnectionLimit::returned(Member& member) {
  if (!wants_idle()) return Returned::idle;
  const std::lock_guard lock(mutex_);
  if (open_ > connections_max_) return Returned::close;
  if (!anyone_waits()) return Returned::idle;
  const bool own = member.waiting_ > 0 && (member.open_ <= share() || &next_in_turn() == &member);
  if (!own) return Returned::close;
  if (&next_in_turn() == &member) ++turn_;
  --member.waiting_;
  --waiting_;
  return Returned::serve_next;
}

ConnectionLimit::View ConnectionLimit::view() const {
  const std::lock_guard lock(mutex_);
  return {open_, waiting_, connections_max_, tunnels_};
}

std::string ConnectionLimit::View::text() const {
  return fmt::format("{} of {} connections open, {} of them by tunnels", open, limit, tunnels);
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
    opened(member);
    member.on_room_granted();
  }
}

}  // namespace tidegate::core
