#include "config/load/changes.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

namespace tidegate::config {

namespace {

using Values = std::map<std::string, EffectiveValue>;

constexpr std::string_view kEmptySection = ".{}";

// Whether a section of that path leads to one of the map's.
template <typename ByPath>
bool has_section(const ByPath& values, const std::string& section) {
  for (const char next : {'.', '['}) {
    const auto at = values.lower_bound(section + next);
    if (at != values.end() && at->first.starts_with(section + next)) return true;
  }
  return false;
}

class Comparison {
 public:
  Comparison(const Effective& before, const Effective& after) : before_(before), after_(after) {}

  // Both are sorted: one walk, side by side.
  std::vector<Change> take() {
    auto old = before_.values.begin();
    auto now = after_.values.begin();
    while (old != before_.values.end() || now != after_.values.end()) {
      const int order = old == before_.values.end()  ? 1
                        : now == after_.values.end() ? -1
                                                     : old->first.compare(now->first);
      if (order == 0 && old->second.text != now->second.text) add_changed(old->first, old->second, now->second);
      if (order < 0) add_one_sided(old->first, old->second, after_.values, false);
      if (order > 0) add_one_sided(now->first, now->second, before_.values, true);
      if (order <= 0) ++old;
      if (order >= 0) ++now;
    }
    add_bare_sections();
    compare_orders();
    std::vector<Change> sorted;
    for (auto& [path, what] : changes_) sorted.push_back({path, what});
    return sorted;
  }

 private:
  void add_changed(const std::string& path, const EffectiveValue& from, const EffectiveValue& to) {
    changes_[path] = from.shown == to.shown ? "changed" : from.shown + " -> " + to.shown;
  }

  // Of the outermost section that the other side has not: a named one as a whole, else what the file says there.
  void add_one_sided(const std::string& path, const EffectiveValue& value, const Values& others, bool added) {
    const char* const what = added ? "added" : "removed";
    for (size_t end = path.find_first_of(".["); end != std::string::npos; end = path.find_first_of(".[", end + 1)) {
      const std::string section = path.substr(0, end);
      if (has_section(others, section)) continue;
      if (others.contains(section)) return;  // a word has taken its place
      if (is_named(section)) changes_.emplace(section, what);
      else if (path.ends_with(kEmptySection)) changes_[path.substr(0, path.size() - kEmptySection.size())] = what;
      else if (value.written) changes_[path] = added ? "(not set) -> " + value.shown : value.shown + " -> (not set)";
      else sections_.emplace(section, what);
      return;
    }
    if (path.ends_with(kEmptySection)) return;
    changes_[path] = added ? "(default) -> " + value.shown : value.shown + " -> (default)";
  }

  // One of the sections that have names: a route, a listener, an upstream, a queue.
  bool is_named(const std::string& section) const {
    const size_t dot = section.rfind('.');
    if (dot == std::string::npos) return false;
    const std::string list = section.substr(0, dot);
    return list == "upstreams" || list == "queues" || before_.orders.contains(list) || after_.orders.contains(list);
  }

  // Sections of which the file says nothing but that they are there.
  void add_bare_sections() {
    for (const auto& [section, what] : sections_) {
      if (!has_section(changes_, section)) changes_.emplace(section, what);
    }
  }

  void compare_orders() {
    for (const auto& [path, names] : before_.orders) {
      const auto other = after_.orders.find(path);
      if (other == after_.orders.end()) continue;
      if (common(names, other->second) != common(other->second, names)) changes_[path] = "order changed";
    }
  }

  // Of `names`, those that `others` has too.
  static std::vector<std::string> common(const std::vector<std::string>& names,
                                         const std::vector<std::string>& others) {
    const std::set<std::string> known(others.begin(), others.end());
    std::vector<std::string> kept;
    std::copy_if(names.begin(), names.end(), std::back_inserter(kept),
                 [&](const std::string& name) { return known.contains(name); });
    return kept;
  }

  const Effective& before_;
  const Effective& after_;
  std::map<std::string, std::string> changes_;
  std::map<std::string, std::string> sections_;  // that one side has: with defaults, so far
};

}  // namespace

std::vector<Change> find_changes(const Effective& before, const Effective& after) {
  return Comparison(before, after).take();
}

}  // namespace tidegate::config
