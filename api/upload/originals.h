// The originals in the object store: stores those that uploads bring, and removes them again if the upload fails. A
// removal may outlive its upload.
//
//   claim ──▶ checking ──exists──────────▶ stored ── kept ─────────▶ done
//                │ missing                 ▲    │ given up
//                ▼                         │    ▼
//             storing ─────────────────────┘  removing ──▶ done, or checking if there is a new claim
//                │ given up                     ▲
//                ▼                              │
//             storing, without a claim ─────────┘      (a new claim in the meantime takes it over)
//
// An original that existed before the claim is removed by refuse() only. A key has at most one claim: its flight's.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "api/picture/memory_budget.h"
#include "api/store/object_store.h"

namespace tidegate::api {

class Originals {
 public:
  class Claim;
  // Called later, once: the original is in the store, or the error.
  using Callback = std::function<void(const Status&)>;

  // The store must outlive this object, and this object its claims. `on_done`: the work for some key has ended.
  Originals(ObjectStore& store, std::function<void()> on_done);
  ~Originals();
  Originals(const Originals&) = delete;
  Originals& operator=(const Originals&) = delete;

  // REQUIRES that the key has no claim. The image must not change until the callback.
  [[nodiscard]] std::unique_ptr<Claim> claim(const std::string& key, ObjectPtr image, Callback done);

  // Entries without a claim: originals being removed, or being stored only to be removed afterwards.
  size_t removals() const { return entries_.size() - claims_; }

 private:
  struct Entry;

  void check(Entry& entry);
  void put(Entry& entry);
  void on_stored(Entry& entry, const Status& status);
  void give_up(Entry& entry, bool refused);
  void remove(Entry& entry);
  void on_removed(Entry& entry, const Status& status);
  void end(Entry& entry);

  ObjectStore& store_;
  const std::function<void()> on_done_;
  std::map<std::string, std::unique_ptr<Entry>> entries_;
  size_t claims_ = 0;
};

// Destroying it cancels the callback and removes the original, unless keep() was called.
class Originals::Claim {
 public:
  Claim(Originals& originals, Entry& entry) : originals_(originals), entry_(entry) {}
  ~Claim();
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

  // What the destructor does with the original: keep() leaves it in the store, refuse() removes it even if it existed
  // before. REQUIRES that the callback reported success.
  void keep() { fate_ = Fate::keep; }
  void refuse() { fate_ = Fate::refuse; }
  // Takes over the memory reservation of the image, for as long as the store reads it.
  void hold(MemoryReservation reservation);

 private:
  enum class Fate { give_up, keep, refuse };

  Originals& originals_;
  Entry& entry_;
  Fate fate_ = Fate::give_up;
};

}  // namespace tidegate::api
