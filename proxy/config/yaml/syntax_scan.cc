#include "config/yaml/syntax_scan.h"

#include <algorithm>
#include <vector>

namespace tidegate::config {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

class SyntaxScanner {
 public:
  explicit SyntaxScanner(Position error) : error_(error) {}

  void read_line(std::string_view line) {
    line_ = line;
    ++number_;
    const size_t indent = std::min(line.find_first_not_of(" \r"), line.size());
    if (indent == line.size() || is_block_text(indent)) return;
    size_t begin = indent;
    if (quote_) {
      // Quoted text goes on where it is indented more, and where its end comes before what looks like the next key.
      const bool goes_on = indent > indent_ || line.find(quote_->sign) < line.find(": ");
      if (goes_on) begin = find_quote_end(indent);
      else leave_quote_open();
    }
    if (quote_) return;
    // A line with nothing else may begin with a tab, unless the parser itself stops there.
    const size_t content = std::min(line.find_first_not_of(" \t\r"), line.size());
    const bool counts = (content < line.size() && line[content] != '#') || error_.line == number_;
    if (line[indent] == '\t' && open_.empty() && counts && !result_.tab) result_.tab = at(indent);
    if (begin == indent) {
      indent_ = indent;
      value_begins_ = true;
      after_brackets_ = false;
    }
    for (size_t i = begin; i < line.size();) i = read_char(i);
    // An error at the end of the line, or at its line end.
    if (error_.line == number_ && error_.column > static_cast<int>(line.size())) result_.in_brackets = !open_.empty();
  }

  SyntaxScan result() {
    if (quote_) leave_quote_open();
    if (!result_.wrong_closer && !open_.empty()) result_.bracket = open_.back();
    return result_;
  }

 private:
  Position at(size_t i) const { return {number_, static_cast<int>(i) + 1}; }
  bool blank_after(size_t i) const { return i + 1 >= line_.size() || is_blank(line_[i + 1]); }

  // Whether the line belongs to the text under a | or >.
  bool is_block_text(size_t indent) {
    in_block_text_ = in_block_text_ && indent > indent_;
    return in_block_text_;
  }

  // Reads what begins at `i`. Returns where the next begins.
  size_t read_char(size_t i) {
    const char c = line_[i];
    if (error_.line == number_ && error_.column == static_cast<int>(i) + 1) result_.in_brackets = !open_.empty();
    if (is_blank(c)) return i + 1;
    if (c == '#' && (i == 0 || is_blank(line_[i - 1]))) return line_.size();
    if (value_begins_ && (c == '"' || c == '\'')) return read_quoted(i);
    if ((c == '[' || c == '{') && (value_begins_ || !open_.empty())) return read_opening(i);
    if ((c == ']' || c == '}') && (value_begins_ || after_brackets_ || !open_.empty())) return read_closing(i);
    if (value_begins_ && open_.empty() && (c == '|' || c == '>')) {
      in_block_text_ = true;
      return line_.size();
    }
    const bool separates = c == ':' && (blank_after(i) || after_quote_);
    const bool is_item = c == '-' && value_begins_ && open_.empty() && blank_after(i);
    value_begins_ = separates || is_item || (c == ',' && !open_.empty());
    after_quote_ = false;
    return i + 1;
  }

  // Quoted text in brackets ends on its line: no indentation tells where it cannot go on.
  size_t read_quoted(size_t i) {
    value_begins_ = false;
    quote_ = Opened{line_[i], at(i)};
    const size_t end = find_quote_end(i + 1);
    if (quote_ && !open_.empty()) leave_quote_open();
    return end;
  }

  // Returns where the text goes on after the closing quote, which ends `quote_`, or the end of the line.
  size_t find_quote_end(size_t begin) {
    for (size_t i = begin; i < line_.size(); ++i) {
      if (quote_->sign == '"' ? line_[i] == '\\' : line_.substr(i, 2) == "''") {
        ++i;
      } else if (line_[i] == quote_->sign) {
        quote_.reset();
        after_quote_ = true;
        return i + 1;
      }
    }
    return line_.size();
  }

  void leave_quote_open() {
    if (!result_.quote) result_.quote = quote_;
    quote_.reset();
  }

  size_t read_opening(size_t i) {
    if (!open_.empty() && line_[i] == '{' && i > 0 && line_[i - 1] == '$' && !result_.substitution) {
      result_.substitution = at(i - 1);
    }
    open_.push_back({line_[i], at(i)});
    value_begins_ = true;
    return i + 1;
  }

  size_t read_closing(size_t i) {
    value_begins_ = false;
    after_brackets_ = true;
    const char opening = line_[i] == ']' ? '[' : '{';
    if (!open_.empty() && open_.back().sign == opening) {
      open_.pop_back();
    } else if (!result_.wrong_closer) {
      result_.wrong_closer = {line_[i], at(i), open_.empty() ? std::nullopt : std::optional<Opened>(open_.back())};
    }
    return i + 1;
  }

  const Position error_;
  SyntaxScan result_;
  std::vector<Opened> open_;
  std::optional<Opened> quote_;  // in which the last line ended
  std::string_view line_;
  int number_ = 0;
  size_t indent_ = 0;  // of the last line that is not text under a | or >
  bool in_block_text_ = false;
  bool value_begins_ = false;    // a value or a key may begin here
  bool after_brackets_ = false;  // a bracket was closed on this line
  bool after_quote_ = false;     // a quote was closed just before
};

}  // namespace

SyntaxScan scan_syntax(std::string_view yaml, Position error) {
  SyntaxScanner scanner(error);
  while (!yaml.empty()) {
    const size_t end = std::min(yaml.find('\n'), yaml.size());
    scanner.read_line(yaml.substr(0, end));
    yaml.remove_prefix(std::min(end + 1, yaml.size()));
  }
  return scanner.result();
}

}  // namespace tidegate::config
