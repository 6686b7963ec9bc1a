// A typed reader of one section of the file. Each read names a key, checks type and range, keeps the default if the key
// is absent (or null), and reports an error at the location of the value. finish() reports the keys that nothing has
// read.
//
// A reader returns false if the key is present with an invalid value: a check that compares it with another key is then
// skipped.
#pragma once

#include <concepts>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/yaml/diagnostics.h"
#include "config/yaml/document.h"
#include "config/yaml/effective.h"
#include "config/yaml/scalars.h"

namespace tidegate::config {

// A value, and where it is. The document owns the node; what it is made of outlives it.
class Value {
 public:
  // Under that key of the section with that path. Of thousands of values, few paths are ever asked for.
  Value(const Node* value, const std::string& section, std::string_view key)
      : node(value), section_(&section), key_(key) {}
  Value(const Node* value, std::string path) : node(value), path_(std::move(path)) {}

  const Node* node;
  std::string path() const { return section_ ? join_path(*section_, key_) : path_; }  // for messages

 private:
  const std::string* section_ = nullptr;
  std::string_view key_;
  std::string path_;
};

class Section {
 public:
  // `node`: a map, or null for a section without keys. The document and `errors` outlive the section, and so does
  // `typed`, which gets what the typed readers find; null: nobody wants it.
  Section(Diagnostics& errors, const Node& node, std::string path, TypedValues* typed = nullptr)
      : errors_(errors), node_(node), path_(std::move(path)), typed_(typed) {}

  const std::string& path() const { return path_; }

  // Returns the key's value unless it is absent or null. Marks the key as known.
  std::optional<Value> find(std::string_view key);
  // Whether the key is present, even without a value.
  bool has(std::string_view key) const;
  // Whether the key's value is just that word, as `auto` where else a number stands. Marks the key as known.
  bool is_word(std::string_view key, std::string_view word);
  // Reports the key as missing if find() returns nothing.
  bool require(std::string_view key);
  void error(std::string_view key, std::string what);
  void error(std::string what) { errors_.add(node_.at, path_, std::move(what)); }  // about the section as a whole
  void finish();

  bool text(std::string_view key, std::string& out);
  bool boolean(std::string_view key, bool& out);
  bool number(std::string_view key, double& out, double low, double high);
  bool duration(std::string_view key, Duration& out, Duration low = 1ms, Duration high = kDurationMax);
  bool size(std::string_view key, uint64_t& out, uint64_t low, uint64_t high);

  template <std::integral T>
  bool integer(std::string_view key, T& out, int64_t low, int64_t high) {
    int64_t value = static_cast<int64_t>(out);
    const bool good = whole(key, value, low, high);
    out = static_cast<T>(value);
    return good;
  }

  template <typename T>
  bool choice(std::string_view key, T& out, std::initializer_list<std::pair<std::string_view, T>> choices) {
    std::vector<std::string_view> names;
    for (const auto& each : choices) names.push_back(each.first);
    const int index = choose(key, names);
    if (index >= 0) out = (choices.begin() + index)->second;
    for (const auto& each : choices) {
      if (index != kBadChoice && each.second == out) note(key, std::string(each.first));
    }
    return index != kBadChoice;
  }

  // A value that `parse` understands. `expected`: "a duration such as `30s`".
  template <typename T>
  bool parsed(std::string_view key, T& out, std::string_view expected, Result<T> (*parse)(std::string_view)) {
    const auto value = find(key);
    if constexpr (requires { out.to_string(); }) {
      if (!value) note(key, out.to_string());
    }
    return !value || parsed(*value, out, expected, parse);
  }
  template <typename T>
  bool parsed(const Value& value, T& out, std::string_view expected, Result<T> (*parse)(std::string_view)) {
    const auto raw = scalar(value, expected);
    if (!raw) return false;
    Result<T> result = parse(*raw);
    if (!result) return refuse(value, expected, result.error().message);
    out = std::move(result).value();
    return true;
  }

  // The items under `key` if it is a list. `expected`: "a list of endpoints".
  std::optional<std::vector<Value>> list(std::string_view key, std::string_view expected);
  template <typename T>
  bool parsed_list(std::string_view key, std::vector<T>& out, std::string_view expected,
                   Result<T> (*parse)(std::string_view)) {
    const auto items = list(key, "a list");
    if (!items) return !find(key);
    out.clear();
    bool good = true;
    for (const Value& item : *items) {
      if (T parsed_item{}; parsed(item, parsed_item, expected, parse)) out.push_back(std::move(parsed_item));
      else good = false;
    }
    return good;
  }

  bool is_empty_list(std::string_view key);
  // Reports each of `items`, as read under `key`, that occurs earlier in the list.
  void refuse_duplicates(std::string_view key, const std::vector<std::string>& items);

  // Reads the section under `key` if the key is present. A key without a value is a section without keys.
  using Reader = std::function<void(Section&)>;
  void child(std::string_view key, const Reader& read);
  // Reads each section of a list.
  void each_item(std::string_view key, const std::function<void(size_t, Section&)>& read);
  // Reads each section of a section whose keys are names (upstreams, queues).
  void each_named(std::string_view key, const std::function<void(const std::string&, Section&)>& read);

  // Returns the scalar's text, or none and an error that says what was expected.
  std::optional<std::string_view> scalar(const Value& value, std::string_view expected);
  // Reports `message`, or, if the value was substituted, a message that does not show it. Always false.
  bool refuse(const Value& value, std::string_view expected, std::string message);

 private:
  static constexpr int kNoChoice = -1;  // the key is absent
  static constexpr int kBadChoice = -2;

  bool whole(std::string_view key, int64_t& out, int64_t low, int64_t high);
  template <typename T>
  bool plain_number(std::string_view key, T& out, T low, T high, std::string_view expected,
                    Result<T> (*parse)(std::string_view));
  void note(std::string_view key, std::string value);
  int choose(std::string_view key, const std::vector<std::string_view>& names);
  bool plain(const Value& value, std::string_view expected);
  bool read_map(const Value& value, const Reader& read);

  Diagnostics& errors_;
  const Node& node_;
  std::string path_;
  TypedValues* typed_;
  TypedValues::mapped_type* noted_ = nullptr;  // of this section, there
  bool names_ = false;                         // its keys are names: each is known
  std::vector<std::string> known_;             // in the order of reading
};

}  // namespace tidegate::config
