// A walk through the document beside a Config, for the location of a value: root["listeners"][0]["routes"]... A step
// that does not exist keeps the position, so that a message points at the nearest parent that exists. The document
// outlives it.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "config/yaml/diagnostics.h"
#include "config/yaml/document.h"

namespace tidegate::config {

class Location {
 public:
  explicit Location(const Node& root) : node_(&root), at_(root.at), key_at_(root.at) {}

  Location operator[](std::string_view key) const {
    Location next = stepped(join_path(path_, key));
    const Entry* entry = is_written_ ? node_->find(key) : nullptr;
    if (entry == nullptr) return next;
    next.go(entry->value);
    next.key_at_ = entry->key.at;
    return next;
  }
  Location operator[](size_t index) const {
    Location next = stepped(join_path(path_, index));
    if (is_written_ && index < node_->items.size()) next.go(node_->items[index]);
    return next;
  }

  // Whether the key is here, even without a value: an empty section is on.
  bool has(std::string_view key) const { return is_written_ && node_->find(key) != nullptr; }
  // Whether the file has a value here; else a default applies.
  bool is_written() const { return is_written_; }
  // The value's node, or that of the nearest parent that exists.
  const Node& node() const { return *node_; }
  // Points at the key of a section rather than at its first line.
  Location at_key() const {
    Location key = *this;
    key.at_ = key_at_;
    return key;
  }
  const std::string& path() const { return path_; }
  void report(Diagnostics& out, std::string what) const { out.add(at_, path_, std::move(what)); }

 private:
  Location stepped(std::string path) const {
    Location next = *this;
    next.path_ = std::move(path);
    next.is_written_ = false;
    return next;
  }
  void go(const Node& node) {
    node_ = &node;
    at_ = node.at;
    is_written_ = node.kind != Node::Kind::null;
  }

  const Node* node_;
  Position at_;
  Position key_at_;  // of the last key on the way
  std::string path_;
  bool is_written_ = true;
};

}  // namespace tidegate::config
