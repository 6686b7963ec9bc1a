#include "unit/metrics/exposition.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace tidegate::metrics {

namespace {

bool is_name(std::string_view name, bool colon) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  return std::all_of(name.begin(), name.end(), [colon](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (colon && c == ':');
  });
}

std::optional<double> number(std::string_view text) {
  if (text == "+Inf") return std::numeric_limits<double>::infinity();
  if (text == "-Inf") return -std::numeric_limits<double>::infinity();
  if (text == "NaN" || text == "Nan") return std::numeric_limits<double>::quiet_NaN();
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool has_all(const Labels& labels, const Labels& some) {
  return std::all_of(some.begin(), some.end(), [&](const auto& label) {
    const auto found = labels.find(label.first);
    return found != labels.end() && found->second == label.second;
  });
}

Labels without_le(Labels labels) {
  labels.erase("le");
  return labels;
}

}  // namespace

Exposition::Exposition(std::string_view text) {
  if (text.empty() || text.back() != '\n') error("the last line has no end");
  while (!text.empty()) {
    ++number_;
    const size_t end = std::min(text.find('\n'), text.size());
    line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  check_families();
}

void Exposition::line(std::string_view line) {
  if (line.empty()) return error("an empty line");
  if (line.find('\r') != std::string_view::npos) return error("a carriage return");
  return line[0] == '#' ? comment(line) : sample(line);
}

// "# HELP name text" then "# TYPE name type", before the first sample, once.
void Exposition::comment(std::string_view line) {
  const bool help = line.starts_with("# HELP ");
  if (!help && !line.starts_with("# TYPE ")) return error("neither HELP nor TYPE");
  line.remove_prefix(7);
  const size_t space = line.find(' ');
  if (space == std::string_view::npos) return error("nothing after the name");
  const std::string name(line.substr(0, space)), rest(line.substr(space + 1));
  if (!is_name(name, true)) error("bad name " + name);
  FamilyText& family = families_[name];
  if (help) {
    if (!family.help.empty() || !family.type.empty()) error(name + " is in two pieces");
    family.help = rest;
  } else {
    if (name != current_ || !family.type.empty()) error("TYPE of " + name + " is not right behind its HELP");
    static const std::set<std::string> kTypes = {"counter", "gauge", "histogram", "summary", "untyped"};
    if (!kTypes.contains(rest)) error("no such type: " + rest);
    family.type = rest;
  }
  current_ = name;
}

// name{label="value",…} number
void Exposition::sample(std::string_view line) {
  Sample sample;
  const size_t end = line.find_first_of("{ ");
  if (end == std::string_view::npos) return error("no value");
  sample.name = line.substr(0, end);
  if (!is_name(sample.name, true)) error("bad name " + sample.name);
  line.remove_prefix(end);
  if (line[0] == '{' && !labels(line, sample.labels)) return error("bad labels");
  if (!line.starts_with(' ')) return error("no space before the value");
  const auto value = number(line.substr(1));
  if (!value) return error("no number (or a time stamp): " + std::string(line));
  sample.value = *value;
  add(std::move(sample));
}

bool Exposition::labels(std::string_view& rest, Labels& into) {
  rest.remove_prefix(1);
  while (!rest.starts_with('}')) {
    const size_t equals = rest.find("=\"");
    if (equals == std::string_view::npos || !is_name(rest.substr(0, equals), false)) return false;
    const std::string name(rest.substr(0, equals));
    rest.remove_prefix(equals + 2);
    std::string value;
    for (; !rest.starts_with('"'); rest.remove_prefix(1)) {
      if (rest.empty()) return false;
      if (rest[0] == '\\') {
        rest.remove_prefix(1);
        if (!rest.starts_with('\\') && !rest.starts_with('"') && !rest.starts_with('n')) return false;
        value += rest[0] == 'n' ? '\n' : rest[0];
      } else {
        value += rest[0];
      }
    }
    rest.remove_prefix(1);
    if (!into.emplace(name, value).second) return false;
    if (rest.starts_with(',')) {
      rest.remove_prefix(1);
      if (rest.starts_with('}')) return false;
    } else if (!rest.starts_with('}')) {
      return false;
    }
  }
  rest.remove_prefix(1);
  return true;
}

void Exposition::add(Sample sample) {
  std::string series = sample.name;
  for (const auto& [name, value] : sample.labels) series += '\x1f' + name + '\x1f' + value;
  if (!seen_.insert(series).second) error("twice: " + sample.name);
  FamilyText& family = families_[current_];
  const bool histogram = family.type == "histogram";
  const bool part =
      sample.name == current_ + "_bucket" || sample.name == current_ + "_sum" || sample.name == current_ + "_count";
  if (histogram ? !part : sample.name != current_) error(sample.name + " does not belong to " + current_);
  if (family.type == "counter" && !(sample.value >= 0)) error("a counter below 0");
  family.samples.push_back(std::move(sample));
}

void Exposition::check_families() {
  for (const auto& [name, family] : families_) {
    if (family.help.empty()) error(name + " has no help");
    if (family.type.empty()) error(name + " has no type");
    if (family.samples.empty()) error(name + " has no series");
    if (family.type == "counter" && !name.ends_with("_total")) error(name + " is a counter and not named _total");
    if (family.type != "counter" && name.ends_with("_total")) error(name + " is named _total and no counter");
    if (family.type == "histogram") check_histogram(name, family);
  }
}

// Of each label set: buckets that rise to +Inf, whose count is _count.
void Exposition::check_histogram(const std::string& name, const FamilyText& family) {
  struct Parts {
    double last_bound = -std::numeric_limits<double>::infinity();
    double last_count = 0;
    std::optional<double> sum, count;
  };
  std::map<Labels, Parts> series;
  for (const Sample& sample : family.samples) {
    Parts& parts = series[without_le(sample.labels)];
    if (sample.name == name + "_sum") {
      parts.sum = sample.value;
    } else if (sample.name == name + "_count") {
      parts.count = sample.value;
    } else {
      const auto le = sample.labels.find("le");
      const auto bound = le == sample.labels.end() ? std::nullopt : number(le->second);
      if (!bound) return error(name + ": a bucket without a bound");
      if (*bound <= parts.last_bound || sample.value < parts.last_count) error(name + ": buckets do not rise");
      parts.last_bound = *bound;
      parts.last_count = sample.value;
    }
  }
  for (const auto& [labels, parts] : series) {
    if (!parts.sum || !parts.count) error(name + ": no sum or no count");
    if (!std::isinf(parts.last_bound)) error(name + ": the last bucket is not +Inf");
    if (parts.count && *parts.count != parts.last_count) error(name + ": count differs from the last bucket");
  }
}

std::optional<double> Exposition::value(const std::string& name, const Labels& labels) const {
  for (const auto& [family_name, family] : families_) {
    if (!name.starts_with(family_name)) continue;
    for (const Sample& sample : family.samples) {
      if (sample.name == name && sample.labels == labels) return sample.value;
    }
  }
  return std::nullopt;
}

double Exposition::sum(const std::string& name, const Labels& some) const {
  double sum = 0;
  for (const auto& [family_name, family] : families_) {
    for (const Sample& sample : family.samples) {
      if (sample.name == name && has_all(sample.labels, some)) sum += sample.value;
    }
  }
  return sum;
}

std::set<std::set<std::string>> Exposition::label_sets(const std::string& name) const {
  std::set<std::set<std::string>> sets;
  const auto family = families_.find(name);
  if (family == families_.end()) return sets;
  for (const Sample& sample : family->second.samples) {
    std::set<std::string> names;
    for (const auto& label : without_le(sample.labels)) names.insert(label.first);
    sets.insert(names);
  }
  return sets;
}

}  // namespace tidegate::metrics
