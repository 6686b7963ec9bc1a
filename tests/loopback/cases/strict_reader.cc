#include "loopback/cases/strict_reader.h"

#include <strings.h>

#include <algorithm>

namespace tidegate::loopback {

namespace {

constexpr std::string_view kTokenMarks = "!#$%&'*+-.^_`|~";

bool is_alnum(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_alnum(c) || kTokenMarks.find(c) != std::string_view::npos;
  });
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

bool has_only(std::string_view text, std::string_view marks, size_t length_max) {
  return !text.empty() && text.size() <= length_max && text.find_first_not_of(marks) == std::string_view::npos;
}
bool is_decimal(std::string_view text) { return has_only(text, "0123456789", 18); }
bool is_hexadecimal(std::string_view text) { return has_only(text, "0123456789abcdefABCDEF", 15); }

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string StrictMessage::field(std::string_view name) const {
  for (const auto& [n, value] : fields) {
    if (same(n, name)) return value;
  }
  return "";
}

size_t StrictMessage::count(std::string_view name) const {
  return static_cast<size_t>(
      std::count_if(fields.begin(), fields.end(), [&](const auto& each) { return same(each.first, name); }));
}

bool StrictMessage::announces_close() const { return same(field("connection"), "close"); }

std::string StrictMessage::target() const {
  const size_t begin = start_line.find(' ') + 1;
  return start_line.substr(begin, start_line.rfind(' ') - begin);
}

void StrictReader::fail(const std::string& problem) {
  if (problem_.empty()) problem_ = problem;
}

void StrictReader::read(std::string_view bytes) {
  bytes_ += bytes;
  while (problem_.empty() && at_ < bytes_.size() && read_part()) {
  }
}

void StrictReader::end() {
  if (part_ == Part::body_to_end && problem_.empty()) complete_message();
}

// False: more bytes are needed.
bool StrictReader::read_part() {
  switch (part_) {
    case Part::start_line: return read_line(&StrictReader::take_start_line);
    case Part::fields: return read_line(&StrictReader::take_field);
    case Part::chunk_size: return read_line(&StrictReader::take_chunk_size);
    case Part::chunk_end: return read_line(&StrictReader::take_chunk_end);
    case Part::trailers: return read_line(&StrictReader::take_trailer);
    case Part::fixed_body:
      if (!read_body(Part::fixed_body)) return false;
      complete_message();
      return true;
    case Part::chunk: return read_body(Part::chunk_end);
    case Part::body_to_end:
      message().body += rest();
      at_ = bytes_.size();
      return false;
  }
  return false;
}

bool StrictReader::read_line(void (StrictReader::*take)(std::string_view)) {
  if (part_ == Part::start_line && complete_ == messages_.size()) messages_.emplace_back().begins = at_;
  const size_t length = rest().find('\n');
  if (length == std::string_view::npos) return false;
  const std::string line(rest().substr(0, length));
  at_ += length + 1;
  if (line.empty() || line.back() != '\r') {
    fail("a line that ends with LF alone");
  } else {
    (this->*take)(std::string_view(line).substr(0, length - 1));
  }
  return problem_.empty();
}

void StrictReader::take_start_line(std::string_view line) {
  message().start_line = line;
  kind_ == Kind::requests ? check_request_line(message().start_line) : check_status_line(message().start_line);
  part_ = Part::fields;
}

void StrictReader::check_request_line(const std::string& line) {
  const std::string target = message().target();
  if (line != message().method() + " " + target + " HTTP/1.1") return fail("not a request line: " + line);
  if (!is_token(message().method())) fail("not a method: " + line);
  if (has_control(line) || target.find_first_of(" \t#\"<>\\") != std::string::npos) fail("not a target: " + line);
  if (!target.starts_with('/')) fail("not an origin form: " + line);
}

void StrictReader::check_status_line(const std::string& line) {
  const bool is_line = line.size() >= 13 && line.starts_with("HTTP/1.1 ") && is_decimal(line.substr(9, 3)) &&
                       line[9] != '0' && line[12] == ' ' && !has_control(line);
  if (!is_line) fail("not a status line: " + line);
}

void StrictReader::take_field(std::string_view line) {
  if (line.empty()) return begin_body();
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
    return fail("not a field: " + std::string(line));
  if (has_control(line)) return fail("a control character in a field: " + std::string(line));
  message().fields.emplace_back(line.substr(0, colon), trimmed(line.substr(colon + 1)));
}

void StrictReader::check_host() {
  if (message().count("host") != 1) fail("a request needs one Host");
  if (message().field("host").find_first_of(" \t,/\\?#@") != std::string::npos) fail("not a Host");
}

bool StrictReader::has_no_body() const {
  const StrictMessage& last = messages_.back();
  if (kind_ == Kind::requests) return last.count("content-length") + last.count("transfer-encoding") == 0;
  const int status = last.status();
  return !last.is_final() || status == 204 || status == 304 || (to_head_ && to_head_(last));
}

void StrictReader::begin_body() {
  StrictMessage& last = message();
  last.has_headers = true;
  if (kind_ == Kind::requests) check_host();
  const size_t lengths = last.count("content-length");
  const size_t encodings = last.count("transfer-encoding");
  if (lengths + encodings > 1) return fail("two framings");
  if (lengths == 1 && !is_decimal(last.field("content-length"))) return fail("not a Content-Length");
  if (encodings == 1 && last.field("transfer-encoding") != "chunked") return fail("not chunked alone");
  if (has_no_body()) return complete_message();
  part_ = encodings == 1 ? Part::chunk_size : lengths == 1 ? Part::fixed_body : Part::body_to_end;
  if (lengths == 0) return;
  left_ = std::stoull(last.field("content-length"));
  if (left_ == 0) complete_message();
}

bool StrictReader::read_body(Part next) {
  const size_t size = std::min(left_, rest().size());
  message().body += rest().substr(0, size);
  at_ += size;
  left_ -= size;
  if (left_ > 0) return false;
  part_ = next;
  return true;
}

void StrictReader::take_chunk_size(std::string_view line) {
  if (!is_hexadecimal(line)) return fail("not a chunk size: " + std::string(line));
  left_ = std::stoull(std::string(line), nullptr, 16);
  part_ = left_ > 0 ? Part::chunk : Part::trailers;
}

void StrictReader::take_chunk_end(std::string_view line) {
  if (!line.empty()) fail("no CRLF behind a chunk");
  part_ = Part::chunk_size;
}

void StrictReader::take_trailer(std::string_view line) {
  if (line.empty()) return complete_message();
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon)) || has_control(line)) fail("not a trailer");
}

void StrictReader::complete_message() {
  message().is_complete = true;
  ++complete_;
  part_ = Part::start_line;
}

}  // namespace tidegate::loopback
