#include "config/load/changes.h"

#include <algorithm>
#include <set>

namespace tidegate::config {

namespace {

using Values = std::map<std::string, EffectiveValue>;

constexpr std::string_view kEmptySection = ".{}";

// The paths of all sections that lead to the values.
std::set<std::string, std::less<>> sections_of(const Values& values) {
  std::set<std::string, std::less<>> sections;
  for (const auto& [path, value] : values) {
    for (size_t end = path.find_first_of(".["); end != std::string::npos; end = path.find_first_of(".[", end + 1)) {
      sections.insert(path.substr(0, end));
    }
  }
  return sections;
}

class Comparison {
 public:
  Comparison(const Effective& before, const Effective& after)
      : before_(before),
        after_(after),
        sections_before_(sections_of(before.values)),
        sections_after_(sections_of(after.values)) {}

  std::vector<Change> take() {
    for (const auto& [path, value] : before_.values) {
      const auto other = after_.values.find(path);
      if (other == after_.values.end()) add_one_sided(path, value, sections_after_, false);
      else if (other->second.text != value.text) add_changed(path, value, other->second);
    }
    for (const auto& [path, value] : after_.values) {
      if (!before_.values.contains(path)) add_one_sided(path, value, sections_before_, true);
    }
    compare_orders();
    std::vector<Change> sorted;
    for (auto& [path, what] : changes_) sorted.push_back({path, what});
    return sorted;
  }

 private:
  void add_changed(const std::string& path, const EffectiveValue& from, const EffectiveValue& to) {
    changes_[path] = from.shown == to.shown ? "changed" : from.shown + " -> " + to.shown;
  }

  // The outermost section that the other side has not, else the value itself.
  void add_one_sided(const std::string& path, const EffectiveValue& value,
                     const std::set<std::string, std::less<>>& others_sections, bool added) {
    for (size_t end = path.find_first_of(".["); end != std::string::npos; end = path.find_first_of(".[", end + 1)) {
      if (others_sections.contains(path.substr(0, end))) continue;
      changes_[path.substr(0, end)] = added ? "added" : "removed";
      return;
    }
    if (path.ends_with(kEmptySection)) return;
    changes_[path] = added ? "(default) -> " + value.shown : value.shown + " -> (default)";
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
  const std::set<std::string, std::less<>> sections_before_, sections_after_;
  std::map<std::string, std::string> changes_;
};

}  // namespace

std::vector<Change> find_changes(const Effective& before, const Effective& after) {
  return Comparison(before, after).take();
}

}  // namespace tidegate::config
