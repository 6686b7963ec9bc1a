#include "api/upload/originals.h"

#include <optional>
#include <utility>

#include "base/assert.h"
#include "base/log.h"

namespace tidegate::api {

namespace {

constexpr size_t kLeavingMax = 1000;  // at one time; what is beyond stays in the store

std::string name_of(const std::string& key) { return "originals/" + key; }

}  // namespace

struct Originals::Entry {
  enum class State { looking, putting, there, removing };

  std::string key;
  State state = State::looking;
  bool is_ours = false;  // put by a claim, not found
  Claim* claim = nullptr;
  Callback done;    // the claim's
  ObjectPtr image;  // until it is put
  std::optional<Room> room;
  std::unique_ptr<net::Operation> step;
};

Originals::Originals(ObjectStore& store, std::function<void()> on_over) : store_(store), on_over_(std::move(on_over)) {}

Originals::~Originals() { TG_ASSERT(claims_ == 0); }

std::unique_ptr<Originals::Claim> Originals::claim(const std::string& key, ObjectPtr image, Callback done) {
  auto& place = entries_[key];
  const bool is_new = !place;
  if (is_new) place = std::make_unique<Entry>();
  Entry& entry = *place;
  TG_ASSERT(entry.claim == nullptr);
  entry.key = key;
  entry.done = std::move(done);
  auto made = std::make_unique<Claim>(*this, entry);
  entry.claim = made.get();
  ++claims_;
  // The image that is being put for nobody is the same one.
  if (entry.state != Entry::State::putting) entry.image = std::move(image);
  if (is_new) look(entry);
  return made;
}

void Originals::look(Entry& entry) {
  entry.state = Entry::State::looking;
  entry.step = store_.exists(name_of(entry.key), [this, &entry](const Result<bool>& there) {
    entry.is_ours = !(there && *there);
    if (entry.is_ours) return put(entry);
    entry.image.reset();
    on_there(entry, Ok{});
  });
}

void Originals::put(Entry& entry) {
  entry.state = Entry::State::putting;
  entry.step = store_.put(name_of(entry.key), std::exchange(entry.image, nullptr),
                          [this, &entry](const Status& status) { on_there(entry, status); });
}

// Without a claim by now: what was put goes again. A put that fails may have been done all the same: its answer was
// lost.
void Originals::on_there(Entry& entry, const Status& status) {
  entry.state = Entry::State::there;
  entry.room.reset();
  if (!entry.claim) return remove(entry);
  const Callback done = std::exchange(entry.done, nullptr);  // it may destroy the claim, and the entry with it
  const Status told = status;
  done(told);
}

void Originals::give_up(Entry& entry, bool refused) {
  using State = Entry::State;
  const bool is_there = entry.state == State::there && (entry.is_ours || refused);
  if (entry.state != State::putting) entry.room.reset();
  if (entry.state == State::removing) return entry.image.reset();
  if (entry.state != State::putting && !is_there) return end(entry);
  if (leaving() > kLeavingMax) {
    log_warn("original_not_removed", {{"key", entry.key}, {"cause", "too many are leaving"}});
    return end(entry);
  }
  if (is_there) remove(entry);
}

void Originals::remove(Entry& entry) {
  entry.state = Entry::State::removing;
  entry.step = store_.remove(name_of(entry.key), [this, &entry](const Status& status) { on_removed(entry, status); });
}

void Originals::on_removed(Entry& entry, const Status& status) {
  if (!status) log_warn("original_not_removed", {{"key", entry.key}, {"cause", status.error().message}});
  entry.claim ? look(entry) : end(entry);
}

void Originals::end(Entry& entry) {
  entries_.extract(entry.key);
  on_over_();
}

Originals::Claim::~Claim() {
  --originals_.claims_;
  entry_.claim = nullptr;
  entry_.done = nullptr;
  fate_ == Fate::kept ? originals_.end(entry_) : originals_.give_up(entry_, fate_ == Fate::refused);
}

void Originals::Claim::hold(Room room) {
  // Another's image may be the one that is read: then that one's place is held already.
  if (!entry_.room) entry_.room.emplace(std::move(room));
}

}  // namespace tidegate::api
