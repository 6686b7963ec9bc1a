#include "api/upload/originals.h"

#include <optional>
#include <utility>

#include "base/assert.h"
#include "base/log.h"

namespace tidegate::api {

namespace {

constexpr size_t kRemovalsMax = 1000;  // at one time; further originals stay in the store

std::string name_of(const std::string& key) { return "originals/" + key; }

}  // namespace

struct Originals::Entry {
  enum class State { checking, storing, stored, removing };

  std::string key;
  State state = State::checking;
  bool is_ours = false;  // stored for a claim; false: it existed before
  Claim* claim = nullptr;
  Callback done;    // of the claim
  ObjectPtr image;  // until put() takes it
  std::optional<MemoryReservation> reservation;
  std::unique_ptr<net::Operation> step;
};

Originals::Originals(ObjectStore& store, std::function<void()> on_done) : store_(store), on_done_(std::move(on_done)) {}

Originals::~Originals() { TG_ASSERT(claims_ == 0); }

std::unique_ptr<Originals::Claim> Originals::claim(const std::string& key, ObjectPtr image, Callback done) {
  auto& slot = entries_[key];
  const bool is_new = !slot;
  if (is_new) slot = std::make_unique<Entry>();
  Entry& entry = *slot;
  TG_ASSERT(entry.claim == nullptr);
  entry.key = key;
  entry.done = std::move(done);
  auto made = std::make_unique<Claim>(*this, entry);
  entry.claim = made.get();
  ++claims_;
  // If an image of this key is being stored already, it is the same one.
  if (entry.state != Entry::State::storing) entry.image = std::move(image);
  if (is_new) check(entry);
  return made;
}

void Originals::check(Entry& entry) {
  entry.state = Entry::State::checking;
  entry.step = store_.exists(name_of(entry.key), [this, &entry](const Result<bool>& exists) {
    entry.is_ours = !(exists && *exists);
    if (entry.is_ours) return put(entry);
    entry.image.reset();
    on_stored(entry, Ok{});
  });
}

void Originals::put(Entry& entry) {
  entry.state = Entry::State::storing;
  entry.step = store_.put(name_of(entry.key), std::exchange(entry.image, nullptr),
                          [this, &entry](const Status& status) { on_stored(entry, status); });
}

// If the claim is gone, the original is removed, even after a failed put: the store may have done it and only its
// response was lost.
void Originals::on_stored(Entry& entry, const Status& status) {
  entry.state = Entry::State::stored;
  entry.reservation.reset();
  if (!entry.claim) return remove(entry);
  const Callback done = std::exchange(entry.done, nullptr);  // may destroy the claim, and the entry with it
  const Status result = status;
  done(result);
}

void Originals::give_up(Entry& entry, bool refused) {
  using State = Entry::State;
  const bool must_remove = entry.state == State::stored && (entry.is_ours || refused);
  if (entry.state != State::storing) entry.reservation.reset();
  if (entry.state == State::removing) return entry.image.reset();
  if (entry.state != State::storing && !must_remove) return end(entry);
  if (removals() > kRemovalsMax) {
    log_warn("original_not_removed", {{"key", entry.key}, {"reason", "too many removals are pending"}});
    return end(entry);
  }
  if (must_remove) remove(entry);
}

void Originals::remove(Entry& entry) {
  entry.state = Entry::State::removing;
  entry.step = store_.remove(name_of(entry.key), [this, &entry](const Status& status) { on_removed(entry, status); });
}

void Originals::on_removed(Entry& entry, const Status& status) {
  if (!status) log_warn("original_not_removed", {{"key", entry.key}, {"reason", status.error().message}});
  entry.claim ? check(entry) : end(entry);
}

void Originals::end(Entry& entry) {
  entries_.extract(entry.key);
  on_done_();
}

Originals::Claim::~Claim() {
  --originals_.claims_;
  entry_.claim = nullptr;
  entry_.done = nullptr;
  fate_ == Fate::keep ? originals_.end(entry_) : originals_.give_up(entry_, fate_ == Fate::refuse);
}

void Originals::Claim::hold(MemoryReservation reservation) {
  // The store may be reading the image of an earlier claim, whose reservation is then held already.
  if (!entry_.reservation) entry_.reservation.emplace(std::move(reservation));
}

}  // namespace tidegate::api
