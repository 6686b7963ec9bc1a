#include "config/yaml/section.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace tidegate::config {

namespace {

constexpr std::string_view kDuration = "a duration such as `30s`";
constexpr std::string_view kSize = "a size such as `10MiB`";

}  // namespace

std::optional<Value> Section::find(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.emplace_back(key);
  const Entry* entry = node_.find(key);
  if (entry == nullptr || entry->value.kind == Node::Kind::null) return std::nullopt;
  return Value(&entry->value, path_, key);
}

bool Section::is_word(std::string_view key, std::string_view word) {
  const auto value = find(key);
  return value && value->node->kind == Node::Kind::scalar && value->node->text == word;
}

bool Section::has(std::string_view key) const { return node_.find(key) != nullptr; }

bool Section::require(std::string_view key) {
  if (find(key)) return true;
  error(key, "required key is missing");
  return false;
}

void Section::error(std::string_view key, std::string what) {
  const Entry* entry = node_.find(key);
  errors_.add(entry == nullptr ? node_.at : entry->value.at, join_path(path_, key), std::move(what));
}

void Section::finish() {
  if (names_) return;
  const std::vector<std::string_view> known(known_.begin(), known_.end());
  for (const Entry& entry : node_.entries) {
    if (std::find(known.begin(), known.end(), entry.key.text) != known.end()) continue;
    errors_.add(entry.key.at, join_path(path_, entry.key.text), "unknown key" + suggestion(entry.key.text, known));
  }
}

std::optional<std::string_view> Section::scalar(const Value& value, std::string_view expected) {
  if (value.node->kind == Node::Kind::scalar) return value.node->text;
  if (value.node->kind != Node::Kind::broken) {
    errors_.add(value.node->at, value.path(), fmt::format("expected {}, not {}", expected, describe(value.node->kind)));
  }
  return std::nullopt;
}

bool Section::refuse(const Value& value, std::string_view expected, std::string message) {
  if (value.node->substituted()) {
    message = fmt::format("the value of {} is not {}", shown(value.node->written), expected);
  }
  errors_.add(value.node->at, value.path(), std::move(message));
  return false;
}

bool Section::plain(const Value& value, std::string_view expected) {
  if (value.node->kind != Node::Kind::scalar || !value.node->quoted || value.node->substituted()) return true;
  return refuse(value, expected, fmt::format("expected {}, not text in quotes; remove the quotes", expected));
}

void Section::note(std::string_view key, std::string value) {
  if (typed_ == nullptr) return;
  if (noted_ == nullptr) noted_ = &(*typed_)[path_];
  const auto known = std::find_if(noted_->begin(), noted_->end(), [&](const auto& each) { return each.first == key; });
  if (known == noted_->end()) noted_->emplace_back(key, std::move(value));
  else known->second = std::move(value);
}

bool Section::text(std::string_view key, std::string& out) {
  const auto value = find(key);
  if (!value) {
    if (!out.empty()) note(key, out);
    return true;
  }
  const auto raw = scalar(*value, "text");
  if (raw) out = *raw;
  return raw.has_value();
}

bool Section::boolean(std::string_view key, bool& out) {
  constexpr std::string_view kExpected = "true or false";
  const auto value = find(key);
  note(key, out ? "true" : "false");
  if (!value) return true;
  const auto raw = scalar(*value, kExpected);
  if (!raw || !plain(*value, kExpected)) return false;
  if (*raw != "true" && *raw != "false") return refuse(*value, kExpected, "expected true or false, not " + shown(*raw));
  out = *raw == "true";
  note(key, out ? "true" : "false");
  return true;
}

template <typename T>
bool Section::plain_number(std::string_view key, T& out, T low, T high, std::string_view expected,
                           Result<T> (*parse)(std::string_view)) {
  const auto value = find(key);
  note(key, fmt::format("{}", out));
  if (!value) return true;
  T read{};
  if (!plain(*value, expected) || !parsed(*value, read, expected, parse)) return false;
  if (read < low || read > high) {
    return refuse(*value, fmt::format("{} from {} to {}", expected, low, high),
                  fmt::format("must be {} to {}, not {}", low, high, read));
  }
  out = read;
  note(key, fmt::format("{}", out));
  return true;
}

bool Section::whole(std::string_view key, int64_t& out, int64_t low, int64_t high) {
  return plain_number(key, out, low, high, "a whole number", parse_integer);
}

bool Section::number(std::string_view key, double& out, double low, double high) {
  return plain_number(key, out, low, high, "a number", parse_number);
}

bool Section::duration(std::string_view key, Duration& out, Duration low, Duration high) {
  const auto value = find(key);
  note(key, show_duration(out));
  if (!value) return true;
  Duration read{};
  if (!parsed(*value, read, kDuration, parse_duration)) return false;
  if (read < low || read > high) {
    const std::string range = read < low ? "at least " + show_duration(low) : "at most " + show_duration(high);
    return refuse(*value, "a duration of " + range, fmt::format("must be {}, not {}", range, show_duration(read)));
  }
  out = read;
  note(key, show_duration(out));
  return true;
}

bool Section::size(std::string_view key, uint64_t& out, uint64_t low, uint64_t high) {
  const auto value = find(key);
  note(key, show_size(out));
  if (!value) return true;
  uint64_t read = 0;
  if (!parsed(*value, read, kSize, parse_size)) return false;
  if (read < low || read > high) {
    const std::string range = show_size(low) + " to " + show_size(high);
    return refuse(*value, "a size of " + range, fmt::format("must be {}, not {}", range, show_size(read)));
  }
  out = read;
  note(key, show_size(out));
  return true;
}

int Section::choose(std::string_view key, const std::vector<std::string_view>& names) {
  const std::string expected = fmt::format("one of `{}`", fmt::join(names, "`, `"));
  const auto value = find(key);
  if (!value) return kNoChoice;
  const auto raw = scalar(*value, expected);
  if (!raw) return kBadChoice;
  const auto found = std::find(names.begin(), names.end(), *raw);
  if (found != names.end()) return static_cast<int>(found - names.begin());
  refuse(*value, expected, "unknown value " + shown(*raw) + suggestion(*raw, names));
  return kBadChoice;
}

std::optional<std::vector<Value>> Section::list(std::string_view key, std::string_view expected) {
  const auto value = find(key);
  if (!value) return std::nullopt;
  if (value->node->kind != Node::Kind::sequence) {
    if (value->node->kind != Node::Kind::broken) {
      error(key, fmt::format("expected {}, not {}", expected, describe(value->node->kind)));
    }
    return std::nullopt;
  }
  std::vector<Value> items;
  for (size_t i = 0; i < value->node->items.size(); ++i) {
    items.push_back({&value->node->items[i], join_path(value->path(), i)});
  }
  return items;
}

bool Section::is_empty_list(std::string_view key) {
  const auto value = find(key);
  return value && value->node->kind == Node::Kind::sequence && value->node->items.empty();
}

void Section::refuse_duplicates(std::string_view key, const std::vector<std::string>& items) {
  for (auto item = items.begin(); item != items.end(); ++item) {
    if (std::find(items.begin(), item, *item) != item) error(key, "duplicate entry " + shown(*item));
  }
}

bool Section::read_map(const Value& value, const Reader& read) {
  const Node::Kind kind = value.node->kind;
  if (kind == Node::Kind::broken) return false;
  if (kind != Node::Kind::map && kind != Node::Kind::null) {
    errors_.add(value.node->at, value.path(), fmt::format("expected a section, not {}", describe(kind)));
    return false;
  }
  Section section(errors_, *value.node, value.path(), typed_);
  read(section);
  section.finish();
  return true;
}

void Section::child(std::string_view key, const Reader& read) {
  find(key);
  if (const Entry* entry = node_.find(key)) read_map({&entry->value, path_, key}, read);
}

void Section::each_item(std::string_view key, const std::function<void(size_t, Section&)>& read) {
  const auto items = list(key, "a list");
  if (!items) return;
  static const Node kEmpty;
  for (size_t i = 0; i < items->size(); ++i) {
    const auto read_one = [&](Section& section) { read(i, section); };
    if (!read_map((*items)[i], read_one)) {
      // Read an empty section so that later items keep their index; its own errors are not reported.
      Diagnostics ignored("");
      Section section(ignored, kEmpty, "");
      read(i, section);
    }
  }
}

void Section::each_named(std::string_view key, const std::function<void(const std::string&, Section&)>& read) {
  child(key, [&](Section& sections) {
    sections.names_ = true;
    for (const Entry& entry : sections.node_.entries) {
      if (const auto name = parse_name(entry.key.text); !name) {
        sections.errors_.add(entry.key.at, join_path(sections.path_, entry.key.text), name.error().message);
      }
      sections.read_map({&entry.value, sections.path_, entry.key.text},
                        [&](Section& section) { read(entry.key.text, section); });
    }
  });
}

}  // namespace tidegate::config
