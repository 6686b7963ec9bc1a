// A strict reader of the Prometheus text format (version 0.0.4): what a scraper would take amiss is an error here, and
// so is what it would let pass but no one should write (a family in two pieces, a counter not named _total).
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace tidegate::metrics {

using Labels = std::map<std::string, std::string>;

struct Sample {
  std::string name;
  Labels labels;
  double value = 0;
};

struct FamilyText {
  std::string type;
  std::string help;
  std::vector<Sample> samples;
};

class Exposition {
 public:
  explicit Exposition(std::string_view text);

  const std::vector<std::string>& errors() const { return errors_; }
  const std::map<std::string, FamilyText>& families() const { return families_; }
  // The value of the one series with exactly these labels.
  std::optional<double> value(const std::string& name, const Labels& labels = {}) const;
  // The sum over all series of that name that carry these labels.
  double sum(const std::string& name, const Labels& some = {}) const;
  // The distinct sets of label names under which `name` occurs (histograms: without le).
  std::set<std::set<std::string>> label_sets(const std::string& name) const;

 private:
  void line(std::string_view line);
  void comment(std::string_view line);
  void sample(std::string_view line);
  bool labels(std::string_view& rest, Labels& into);
  void add(Sample sample);
  void check_families();
  void check_histogram(const std::string& name, const FamilyText& family);
  void error(const std::string& what) { errors_.push_back("line " + std::to_string(number_) + ": " + what); }

  std::map<std::string, FamilyText> families_;
  std::string current_;         // the family whose lines are being read
  std::set<std::string> seen_;  // series, as text
  std::vector<std::string> errors_;
  int number_ = 0;
};

}  // namespace tidegate::metrics
