// The originals in the object store, from the uploads that bring them; and their way out again where nothing comes of
// an upload. A removal outlives the upload it belongs to.
//
//   claim ─▶ looking ─there─────────────▶ there ─ kept ──────────▶ over
//              │ not there                ▲  │ given up
//              ▼                          │  ▼
//            putting ──put────────────────┘  removing ──▶ over, or looking where a new claim waits
//              │ given up                       ▲
//              ▼                                │
//            putting for nobody ──put───────────┘     (a new claim meanwhile makes it its own)
//
// What was there before is removed by refuse() alone. At most one claim a key: its flight's.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "api/store/object_store.h"
#include "api/upload/room.h"

namespace tidegate::api {

class Originals {
 public:
  class Claim;
  // Later, once: the original lies in the store, or why not.
  using Callback = std::function<void(const Status&)>;

  // The store outlives this, and this outlives its claims. `on_over`: nothing of a key is under way any more.
  Originals(ObjectStore& store, std::function<void()> on_over);
  ~Originals();
  Originals(const Originals&) = delete;
  Originals& operator=(const Originals&) = delete;

  // REQUIRES that the key has no claim. The image must not change until the callback.
  [[nodiscard]] std::unique_ptr<Claim> claim(const std::string& key, ObjectPtr image, Callback done);

  // Without a claim: removals, and what is put for nobody before it is removed.
  size_t leaving() const { return entries_.size() - claims_; }

 private:
  struct Entry;

  void look(Entry& entry);
  void put(Entry& entry);
  void on_there(Entry& entry, const Status& status);
  void give_up(Entry& entry, bool refused);
  void remove(Entry& entry);
  void on_removed(Entry& entry, const Status& status);
  void end(Entry& entry);

  ObjectStore& store_;
  const std::function<void()> on_over_;
  std::map<std::string, std::unique_ptr<Entry>> entries_;
  size_t claims_ = 0;
};

// Destroying it silences the callback and, unless keep() was called, takes the original back.
class Originals::Claim {
 public:
  Claim(Originals& originals, Entry& entry) : originals_(originals), entry_(entry) {}
  ~Claim();
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

  // REQUIRES that the callback has told of success. The last word on it: the original stays, or it goes with the claim
  // though it may have been there before.
  void keep() { fate_ = Fate::kept; }
  void refuse() { fate_ = Fate::refused; }
  // The image's place in memory, held as long as the store still reads the image.
  void hold(Room room);

 private:
  enum class Fate { taken_back, kept, refused };

  Originals& originals_;
  Entry& entry_;
  Fate fate_ = Fate::taken_back;
};

}  // namespace tidegate::api
