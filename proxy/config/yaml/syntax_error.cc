#include "config/yaml/syntax_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "config/yaml/syntax_scan.h"

namespace tidegate::config {

namespace {

// A line with a key, a value or an item: neither empty nor only a comment.
struct Line {
  int number = 0;
  size_t indent = 0;
  std::string_view text;  // without indentation, comment at its end included

  bool is_item() const { return text == "-" || text.starts_with("- "); }
  bool has_key() const { return text.find(": ") != text.npos || text.ends_with(':'); }
  // Of the key, which in "- key: value" comes after the dash.
  size_t key_indent() const {
    return is_item() ? indent + std::min(text.find_first_not_of("- "), text.size()) : indent;
  }
  Position at() const { return {number, static_cast<int>(indent) + 1}; }
};

// The lines up to that of the parser's error, at least one of them.
std::vector<Line> lines_until(std::string_view yaml, int last) {
  std::vector<Line> lines;
  for (int number = 1; number <= last && !yaml.empty(); ++number) {
    const size_t end = std::min(yaml.find('\n'), yaml.size());
    std::string_view text = yaml.substr(0, end);
    yaml.remove_prefix(std::min(end + 1, yaml.size()));
    const size_t indent = text.find_first_not_of(' ');
    const size_t length = text.find_last_not_of(" \r");
    if (indent == text.npos || text[indent] == '\r' || text[indent] == '#') continue;
    lines.push_back({number, indent, text.substr(indent, length + 1 - indent)});
  }
  return lines;
}

std::string not_closed(const Opened& opened) { return fmt::format("a {} that is not closed", opened.sign); }

SyntaxError explain_closer(const SyntaxScan::Closer& closer) {
  if (!closer.of) return {closer.at, fmt::format("a {} that closes nothing", closer.sign)};
  if (closer.of->at.line < closer.at.line) return {closer.of->at, not_closed(*closer.of)};
  return {closer.at, fmt::format("a {} cannot close the {} opened at {}:{}", closer.sign, closer.of->sign,
                                 closer.of->at.line, closer.of->at.column)};
}

// What is opened and not closed explains all that follows, but nothing before it.
std::optional<SyntaxError> explain_by_scan(const SyntaxScan& scan, Position at) {
  std::vector<SyntaxError> found;
  if (scan.tab) found.push_back({*scan.tab, "a tab in the indentation: use spaces"});
  if (scan.quote) found.push_back({scan.quote->at, not_closed(*scan.quote)});
  if (scan.substitution) found.push_back({*scan.substitution, "inside {...} or [...] write `${...}` in quotes"});
  if (scan.wrong_closer) found.push_back(explain_closer(*scan.wrong_closer));
  if (scan.bracket) found.push_back({scan.bracket->at, not_closed(*scan.bracket)});
  if (scan.in_brackets) found.push_back({at, "a comma is missing before this, or quotes around a value"});
  const auto cause =
      std::find_if(found.begin(), found.end(), [&](const SyntaxError& each) { return each.at.line <= at.line; });
  return cause == found.end() ? std::nullopt : std::optional<SyntaxError>(*cause);
}

SyntaxError without_colon(const Line& line) {
  if (line.text.find(':') != line.text.npos) return {line.at(), "a space is missing after the colon of `key: value`"};
  return {line.at(), "not `key: value`: a colon is missing"};
}

// A key that the parser meets where the value of another one goes on.
SyntaxError second_key(const std::vector<Line>& lines, Position at) {
  const Line& line = lines.back();
  const std::string_view before = line.text.substr(0, static_cast<size_t>(at.column - 1) - line.indent);
  if (before.find(": ") != before.npos) {
    return {at, "a second `: ` in one line: write a value that contains `: ` in quotes"};
  }
  if (lines.size() == 1) return {at, "a `:` without a key before it"};
  const Line& above = lines[lines.size() - 2];
  if (!above.has_key() && line.indent <= above.indent) return without_colon(above);
  return {line.at(), fmt::format("this line is indented more than line {}, which has a value already", above.number)};
}

// A line that neither continues its section or list nor ends it.
SyntaxError misplaced_line(const std::vector<Line>& lines) {
  const Line& line = lines.back();
  const auto sibling =
      std::find_if(lines.rbegin() + 1, lines.rend(), [&](const Line& each) { return each.indent <= line.indent; });
  const bool is_below = sibling != lines.rend() && sibling->indent == line.indent;
  if (is_below && line.is_item() && !sibling->is_item()) return {line.at(), "a list item among the keys of a section"};
  if (is_below && sibling->is_item() && !line.is_item()) {
    return {line.at(),
            fmt::format("a key among the items of a list: indent it as the key of line {}", sibling->number)};
  }
  if (!line.has_key() && !line.is_item()) return without_colon(line);
  const int above =
      lines.size() > 1 && lines[lines.size() - 2].key_indent() > line.indent ? lines[lines.size() - 2].number : 0;
  if (above > 0)
    return {line.at(), fmt::format("this line is indented less than line {}, and fits no line above", above)};
  return {line.at(), "the indentation fits no line above"};
}

std::optional<SyntaxError> explain_by_message(const std::vector<Line>& lines, Position at, const std::string& message) {
  const Line& line = lines.back();
  const bool at_line_start = at.line == line.number && at.column == line.at().column;
  const bool is_end = message == "end of map not found" || message == "end of sequence not found";
  if (message == "illegal map value" && at.line == line.number) return second_key(lines, at);
  if (is_end && at_line_start) return misplaced_line(lines);
  if (is_end) return SyntaxError{at, "not expected after the value: write the whole value in quotes"};
  if (message == "illegal block entry") return SyntaxError{at, "a list item must begin on a line of its own"};
  if (message == "unexpected character in block scalar") {
    return SyntaxError{at, "text after | or > must begin on the next line"};
  }
  if (message.starts_with("unknown escape character")) {
    return SyntaxError{{at.line, at.column - 2},
                       fmt::format("`\\{}` means nothing in double quotes: write `\\\\` for a backslash, or use single "
                                   "quotes",
                                   message.back())};
  }
  return std::nullopt;
}

// What a plain value cannot begin with.
std::optional<SyntaxError> explain_first_character(std::string_view line, Position at, const std::string& message) {
  const bool is_name = message.starts_with("alias not found") || message.starts_with("anchor not found");
  const bool is_reference = message == "the referenced anchor is not defined";
  if (!is_name && !is_reference && message != "unknown token") return std::nullopt;
  const size_t index = static_cast<size_t>(at.column) - (is_name ? 2 : 1);
  if (index >= line.size()) return std::nullopt;
  return SyntaxError{{at.line, static_cast<int>(index) + 1},
                     fmt::format("a value cannot begin with {}: write it in quotes", line[index])};
}

}  // namespace

SyntaxError explain_syntax_error(std::string_view yaml, Position at, const std::string& message) {
  const std::vector<Line> lines = lines_until(yaml, at.line);
  if (lines.empty()) return {at, "YAML syntax: " + message};
  const Line& last = lines.back();
  const std::string whole_line = std::string(last.indent, ' ') + std::string(last.text);
  if (auto known = explain_first_character(whole_line, at, message)) return *std::move(known);
  if (auto known = explain_by_scan(scan_syntax(yaml, at), at)) return *std::move(known);
  if (auto known = explain_by_message(lines, at, message)) return *std::move(known);
  return {at, "YAML syntax: " + message};
}

}  // namespace tidegate::config
