// The YAML text as a tree that keeps what yaml-cpp's own tree loses: the location of every value, duplicate keys, and
// whether a scalar was quoted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/yaml/diagnostics.h"

namespace tidegate::config {

struct Entry;

struct Node {
  enum class Kind : uint8_t {
    null,  // no value, ~ or null: the key counts as absent
    scalar,
    sequence,
    map,
    broken,  // refused and already reported; readers skip it silently
  };
  Kind kind = Kind::null;
  Position at;
  std::string text;              // scalar: as written, until prepare() substitutes
  std::string written;           // scalar with a substitution: as written in the file
  bool quoted = false;           // scalar: in quotes, or a block
  std::string refusal;           // why Tidegate refuses this YAML (an anchor, an alias, a tag); prepare() reports it
  std::vector<Node> items;       // sequence
  std::vector<Entry> entries;    // map, in file order
  std::vector<uint32_t> by_key;  // of a large map: its entries in the order of their keys; made by index_keys()

  bool substituted() const { return !written.empty(); }
  // Of the first entry with that key; null: there is none.
  const Entry* find(std::string_view key) const;
  // For find(), once the entries are final: no two have the same key.
  void index_keys();
};

struct Entry {
  Node key;
  Node value;
};

inline constexpr size_t kFileBytesMax = 1 << 20;

// Accepts one document in UTF-8 of at most kFileBytesMax. False: `errors` says why, and the tree must not be used.
bool parse_document(std::string_view yaml, Node& root, Diagnostics& errors);

// "a section", "a list", "a value", "nothing": for messages.
const char* describe(Node::Kind kind);

}  // namespace tidegate::config
