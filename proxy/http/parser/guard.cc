#include "http/parser/guard.h"

#include <algorithm>

#include "http/message/chars.h"

namespace tidegate::http {

namespace {

constexpr uint8_t kEmptyLinesMax = 16;
constexpr size_t kKeptBufferBytes = 2048;
constexpr size_t kKeptMarks = 32;

bool is_framing_name(std::string_view name) {
  return iequals(name, "content-length") || iequals(name, "transfer-encoding");
}

}  // namespace

HeadStep HeadGuard::take(std::string_view* input) {
  while (violation_ == nullptr) {
    const LineStep step = take_line(input, bytes_, limits_.header_bytes, &violation_);
    if (step == LineStep::need_more) return HeadStep::need_more;
    if (step == LineStep::refused) break;
    const bool empty = bytes_.size() - line_begin_ == 2;
    if (empty && started_) return HeadStep::whole;
    violation_ = take_line_whole();
    line_begin_ = bytes_.size();
  }
  return HeadStep::refused;
}

Violation HeadGuard::take_line_whole() {
  const std::string_view line(bytes_.data() + line_begin_, bytes_.size() - line_begin_ - 2);
  if (started_) return take_field_line(line);
  if (line.empty()) {  // RFC 9112 section 2.2: a server ignores empty lines before a request
    bytes_.clear();
    if (kind_ == Kind::response) return &rule::kStatusLine;
    return ++empty_lines_ > kEmptyLinesMax ? &rule::kEmptyLines : nullptr;
  }
  started_ = true;
  return kind_ == Kind::request ? take_request_line(line) : take_status_line(line);
}

// REQUIRES that `text` ends the current line.
Violation HeadGuard::take_version(std::string_view text) {
  if (text.size() != 8 || !text.starts_with("HTTP/") || !is_digit(text[5]) || text[6] != '.' || !is_digit(text[7])) {
    return &rule::kVersionSyntax;
  }
  if (text[5] != '1') return &rule::kVersion;
  version_minor_ = text[7] == '0' ? 0 : 1;
  if (text[7] > '1') bytes_[static_cast<size_t>(text.data() + 7 - bytes_.data())] = '1';
  return nullptr;
}

Violation HeadGuard::take_request_line(std::string_view line) {
  const size_t first = line.find(' ');
  const size_t second = first == line.npos ? line.npos : line.find(' ', first + 1);
  if (!is_token(line.substr(0, first))) return &rule::kMethodSyntax;
  if (second == line.npos || second == first + 1) return &rule::kRequestLine;
  method_size_ = static_cast<uint32_t>(first);
  target_size_ = static_cast<uint32_t>(second - first - 1);
  const std::string_view version = line.substr(second + 1);
  if (version.find(' ') != version.npos) return &rule::kRequestLine;
  if (const Violation violation = take_version(version)) return violation;
  return line.substr(0, first) == "CONNECT" ? &rule::kConnect : nullptr;
}

Violation HeadGuard::take_status_line(std::string_view line) {
  if (line.size() < 12 || line[8] != ' ') return &rule::kStatusLine;
  if (take_version(line.substr(0, 8)) != nullptr) return &rule::kStatusLine;
  if (!is_digit(line[9]) || !is_digit(line[10]) || !is_digit(line[11])) return &rule::kStatusLine;
  if (line.size() > 12 && line[12] != ' ') return &rule::kStatusLine;
  reason_size_ = static_cast<uint32_t>(line.size() - std::min(line.size(), kReasonBegin));
  status_ = static_cast<uint16_t>((line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0'));
  return status_ < 100 ? &rule::kStatusLine : nullptr;
}

Violation check_field_line(std::string_view line, size_t* name_size, std::string_view* value) {
  const size_t size = token_length(line);
  if (size == line.size()) return &rule::kNoColon;
  if (line[size] != ':') {
    if (size == 0) return is_blank(line[0]) ? &rule::kFold : &rule::kFieldName;
    return is_blank(line[size]) ? &rule::kSpaceBeforeColon : &rule::kFieldName;
  }
  if (size == 0) return &rule::kFieldName;
  *name_size = size;
  *value = trim_ows(line.substr(size + 1));
  return nullptr;
}

Violation HeadGuard::take_field_line(std::string_view line) {
  if (marks_.size() >= limits_.header_count) return &rule::kFieldCount;
  size_t name_size = 0;
  std::string_view value;
  const Violation violation = check_field_line(line, &name_size, &value);
  if (violation == &rule::kSpaceBeforeColon && kind_ == Kind::response) {
    const size_t name_end = token_length(line);
    const size_t colon = line.find_first_not_of(" \t", name_end);
    if (colon == line.npos || line[colon] != ':' || is_framing_name(line.substr(0, name_end))) return violation;
    bytes_.erase(line_begin_ + name_end, colon - name_end);
    repaired_ = true;
    return take_line_whole();
  }
  if (violation != nullptr) return violation;
  blank_out_padding(line_begin_ + name_size + 1, value);
  const auto offset = [&](std::string_view view) { return static_cast<uint32_t>(view.data() - bytes_.data()); };
  marks_.push_back(
      {offset(line), static_cast<uint32_t>(name_size), offset(value), static_cast<uint32_t>(value.size())});
  return nullptr;
}

// White space around a value is no part of it (RFC 9110 section 5.5). llhttp 8 stumbles over tabs there.
void HeadGuard::blank_out_padding(size_t begin, std::string_view value) {
  const size_t value_begin = static_cast<size_t>(value.data() - bytes_.data());
  const size_t line_end = bytes_.size() - 2;
  for (size_t i = begin; i < value_begin; ++i) bytes_[i] = ' ';
  for (size_t i = value_begin + value.size(); i < line_end; ++i) bytes_[i] = ' ';
}

void HeadGuard::fill(Fields& fields) const {
  fields.clear();
  const std::string_view all = bytes_;
  for (const Mark& mark : marks_) {
    fields.add(all.substr(mark.name_begin, mark.name_size), all.substr(mark.value_begin, mark.value_size));
  }
}

void HeadGuard::clear() {
  bytes_.clear();
  marks_.clear();
  if (bytes_.capacity() > kKeptBufferBytes) std::string().swap(bytes_);
  if (marks_.capacity() > kKeptMarks) std::vector<Mark>().swap(marks_);
  line_begin_ = 0;
  empty_lines_ = 0;
  started_ = false;
  repaired_ = false;
  violation_ = nullptr;
}

}  // namespace tidegate::http
