#include "config/yaml/prepare.h"

#include <fmt/format.h>

#include <map>

#include "config/yaml/substitution.h"

namespace tidegate::config {

namespace {

void substitute_scalar(Node& node, const std::string& path, const Environment& environment, Diagnostics& errors) {
  if (!has_substitution(node.text)) return;
  auto value = substitute(node.text, environment);
  if (!value) {
    errors.add(node.at, path, value.error().message);
    node.kind = Node::Kind::broken;
    return;
  }
  node.written = std::exchange(node.text, std::move(value).value());
  // An empty ${NAME:-} counts as absent, like an empty value; in quotes it is empty text.
  if (node.text.empty() && !node.quoted) node.kind = Node::Kind::null;
}

// False: the entry must be dropped.
bool key_is_good(const Entry& entry, const std::string& path, std::map<std::string, Position>& seen,
                 Diagnostics& errors) {
  const Node& key = entry.key;
  if (key.kind != Node::Kind::scalar) {
    errors.add(key.at, path, key.refusal.empty() ? "a key must be a plain word" : key.refusal);
    return false;
  }
  const std::string key_path = join_path(path, key.text);
  if (key.text == "<<") {
    errors.add(key.at, key_path, "merge keys (<<) are not supported; write the keys themselves");
    return false;
  }
  if (!key.refusal.empty()) errors.add(key.at, key_path, key.refusal);
  const auto [first, is_new] = seen.emplace(key.text, key.at);
  if (!is_new) {
    errors.add(key.at, key_path, fmt::format("duplicate key; first defined on line {}", first->second.line));
  }
  return is_new;
}

}  // namespace

void prepare(Node& node, const std::string& path, const Environment& environment, Diagnostics& errors) {
  if (!node.refusal.empty()) errors.add(node.at, path, node.refusal);
  if (node.kind == Node::Kind::scalar) substitute_scalar(node, path, environment, errors);
  for (size_t i = 0; i < node.items.size(); ++i) prepare(node.items[i], join_path(path, i), environment, errors);
  std::map<std::string, Position> seen;
  std::erase_if(node.entries, [&](const Entry& entry) { return !key_is_good(entry, path, seen, errors); });
  for (Entry& entry : node.entries) prepare(entry.value, join_path(path, entry.key.text), environment, errors);
  node.index_keys();
}

}  // namespace tidegate::config
