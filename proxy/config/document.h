// The YAML text as a tree that keeps what yaml-cpp's own would lose: the place of every value, repeated keys, quotes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/diagnostics.h"

namespace tidegate::config {

struct Entry;

struct Node {
  enum class Kind : uint8_t {
    null,  // nothing, ~ or null: as if the key were not there
    scalar,
    sequence,
    map,
    broken,  // refused and reported already: readers pass over it in silence
  };
  Kind kind = Kind::null;
  Position at;
  std::string text;            // scalar: as written until prepare() substitutes
  std::string written;         // scalar, where something was substituted: as it stood in the file
  bool quoted = false;         // scalar: in quotes, or a block
  std::string refusal;         // YAML that Tidegate does not take (an anchor, an alias, a tag); prepare() reports it
  std::vector<Node> items;     // sequence
  std::vector<Entry> entries;  // map, in file order

  bool substituted() const { return !written.empty(); }
};

struct Entry {
  Node key;
  Node value;
};

inline constexpr size_t kFileBytesMax = 1 << 20;

// False: `errors` says why, and the tree is not to be used. One document, UTF-8, at most kFileBytesMax.
bool parse_document(std::string_view yaml, Node& root, Diagnostics& errors);

// "a section", "a list", "a value", "nothing": for messages.
const char* describe(Node::Kind kind);

}  // namespace tidegate::config
