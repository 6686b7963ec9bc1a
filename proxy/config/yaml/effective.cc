#include "config/yaml/effective.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace tidegate::config {

namespace {

constexpr size_t kShownBytesMax = 200;

bool is_secret(std::string_view key) {
  constexpr std::string_view kWords[] = {"token", "secret", "password", "passphrase", "credential"};
  return std::any_of(std::begin(kWords), std::end(kWords),
                     [&](std::string_view word) { return key.find(word) != std::string_view::npos; });
}

// A URL without the password and the query, which may have a key in it.
std::string without_credentials(std::string text) {
  const size_t scheme = text.find("://");
  if (scheme == std::string::npos) return text;
  const size_t authority = scheme + 3;
  const size_t end = std::min(text.find_first_of("/?#", authority), text.size());
  if (const size_t query = text.find('?', authority); query != std::string::npos)
    text.replace(query, std::string::npos, "?…");
  const size_t at = text.rfind('@', end);
  if (at == std::string::npos || at < authority || at > end) return text;
  const size_t colon = text.find(':', authority);
  if (colon != std::string::npos && colon < at) text.replace(colon + 1, at - colon - 1, "…");
  return text;
}

std::string shown_value(std::string text) {
  text = without_credentials(std::move(text));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  if (text.size() > kShownBytesMax) text = text.substr(0, kShownBytesMax) + "…";
  return text;
}

// A substituted value may be a secret: it is shown as the file has it.
EffectiveValue value_of(std::string_view key, const Node& node) {
  if (is_secret(key)) return {node.text, "(secret)"};
  return {node.text, shown_value(node.substituted() ? node.written : node.text)};
}

// The `name` of a section; "": it has none.
std::string name_of(const Node& node) {
  for (const Entry& entry : node.entries) {
    if (entry.key.text == "name" && entry.value.kind == Node::Kind::scalar) return entry.value.text;
  }
  return "";
}

class Collector {
 public:
  explicit Collector(const TypedValues& typed) : typed_(typed) {}

  // `indexed`: the path in messages, `named`: the path among the values.
  void add_section(const Node& node, const std::string& indexed, const std::string& named) {
    const auto noted = noted_in(indexed);
    for (const Noted* each : noted) {
      const auto& [key, value] = *each;
      put(join_path(named, key), {value, is_secret(key) ? "(secret)" : shown_value(value), false});
    }
    for (const Entry& entry : node.entries) {
      const std::string& key = entry.key.text;
      const std::string path = join_path(named, key);
      const bool is_noted =
          std::any_of(noted.begin(), noted.end(), [&](const Noted* each) { return each->first == key; });
      if (!is_noted) add(entry.value, key, join_path(indexed, key), path);
      else effective_.values[path].written = entry.value.kind != Node::Kind::null;
    }
    // A section that is there, though it has no keys.
    if (node.entries.empty() && !named.empty()) put(named + ".{}", {});
  }

  Effective take() { return std::move(effective_); }

 private:
  using Noted = TypedValues::mapped_type::value_type;

  // By their keys.
  std::vector<const Noted*> noted_in(const std::string& section) const {
    std::vector<const Noted*> noted;
    const auto found = typed_.find(section);
    if (found == typed_.end()) return noted;
    for (const Noted& each : found->second) noted.push_back(&each);
    std::sort(noted.begin(), noted.end(), [](const Noted* a, const Noted* b) { return a->first < b->first; });
    return noted;
  }

  // Most follow the one before in the order of their paths.
  void put(std::string path, EffectiveValue value) {
    auto& values = effective_.values;
    last_ = std::next(values.insert_or_assign(last_, std::move(path), std::move(value)));
  }

  void add(const Node& node, const std::string& key, const std::string& indexed, const std::string& named) {
    switch (node.kind) {
      case Node::Kind::scalar: put(named, value_of(key, node)); return;
      case Node::Kind::map: return add_section(node, indexed, named);
      case Node::Kind::sequence: return add_list(node, key, indexed, named);
      case Node::Kind::null: return add_null(node, indexed, named);
      case Node::Kind::broken: return;
    }
  }

  // Of a section without keys: its readers have noted defaults.
  void add_null(const Node& node, const std::string& indexed, const std::string& named) {
    if (typed_.contains(indexed)) add_section(node, indexed, named);
  }

  void add_list(const Node& list, const std::string& key, const std::string& indexed, const std::string& named) {
    const bool sections = std::any_of(list.items.begin(), list.items.end(),
                                      [](const Node& item) { return item.kind == Node::Kind::map; });
    if (!sections) return add_values(list, key, named);
    for (size_t i = 0; i < list.items.size(); ++i) {
      const std::string name = name_of(list.items[i]);
      if (!name.empty()) effective_.orders[named].push_back(name);
      add(list.items[i], key, join_path(indexed, i), name.empty() ? join_path(named, i) : join_path(named, name));
    }
  }

  void add_values(const Node& list, const std::string& key, const std::string& named) {
    std::vector<std::string> texts, shown;
    for (const Node& item : list.items) {
      const EffectiveValue value = value_of(key, item);
      texts.push_back(value.text);
      shown.push_back(value.shown);
    }
    put(named, {fmt::format("[{}]", fmt::join(texts, "\n")), shown_value(fmt::format("[{}]", fmt::join(shown, ", ")))});
  }

  const TypedValues& typed_;
  Effective effective_;
  std::map<std::string, EffectiveValue>::iterator last_ = effective_.values.end();  // the place after that value
};

}  // namespace

Effective effective_values(const Node& root, const TypedValues& typed) {
  Collector collector(typed);
  collector.add_section(root, "", "");
  return collector.take();
}

}  // namespace tidegate::config
