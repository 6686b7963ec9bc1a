#include "api/upload/multipart.h"

#include <algorithm>

#include "api/upload/part_headers.h"
#include "base/assert.h"

namespace tidegate::api {

namespace {

constexpr size_t kBoundaryMax = 70;  // RFC 2046 section 5.1.1
constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kHeadersEnd = "\r\n\r\n";
constexpr std::string_view kBlanks = " \t";

constexpr char kNoLineEnd[] = "A boundary is not followed by a line end.";
constexpr char kUnfinished[] = "The form ends before its last boundary.";

std::string_view without_blanks(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(kBlanks), text.size()));
}

std::string no_beginning(const MultipartLimits& limits) {
  return "The form does not begin with its boundary, after at most " + std::to_string(limits.ignored_bytes) +
         " other bytes.";
}

bool is_boundary(std::string_view text) {
  constexpr std::string_view kOthers = "'()+_,-./:=? ";
  if (text.empty() || text.size() > kBoundaryMax || text.back() == ' ') return false;
  for (const char c : text) {
    const bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (!alnum && kOthers.find(c) == std::string_view::npos) return false;
  }
  return true;
}

}  // namespace

Boundary parse_boundary(std::string_view content_type) {
  const auto parsed = parse_parameters(content_type);
  if (!parsed || parsed->value != "multipart/form-data") return {"", "The body must be multipart/form-data."};
  const std::string* boundary = parsed->find("boundary");
  if (!boundary) return {"", "The Content-Type has no boundary."};
  if (!is_boundary(*boundary)) return {"", "The Content-Type's boundary is not valid."};
  return {*boundary, std::nullopt};
}

MultipartParser::MultipartParser(std::string_view boundary, const MultipartLimits& limits, PartSink& sink)
    : delimiter_("\r\n--" + std::string(boundary)), limits_(limits), sink_(sink) {}

Complaint MultipartParser::feed(std::string_view piece) {
  TG_ASSERT(state_ != State::failed);
  buffer_ += piece;
  for (bool progressed = true; progressed;) {
    progressed = false;
    if (auto complaint = step(&progressed)) {
      state_ = State::failed;
      return complaint;
    }
  }
  return std::nullopt;
}

Complaint MultipartParser::finish() const {
  if (has_ended()) return std::nullopt;
  const bool may_begin = ignored_ == 0 && delimiter_.starts_with(buffer_);
  if (state_ == State::preamble && !may_begin) return no_beginning(limits_);
  return kUnfinished;
}

bool MultipartParser::has_ended() const {
  return state_ == State::epilogue || (state_ == State::after_end && without_blanks(buffer_).empty());
}

Complaint MultipartParser::step(bool* progressed) {
  switch (state_) {
    case State::preamble: return take_preamble(progressed);
    case State::after_boundary: return take_after_boundary(progressed);
    case State::headers: return take_headers(progressed);
    case State::data: return take_data(progressed);
    case State::after_end: return take_after_end(progressed);
    case State::epilogue: return take_epilogue();
    case State::failed: break;
  }
  return std::nullopt;
}

MultipartParser::Undelimited MultipartParser::undelimited() const {
  const size_t at = buffer_.find(delimiter_);
  if (at != std::string::npos) return {at, true};
  return {buffer_.size() - std::min(buffer_.size(), delimiter_.size() - 1), false};
}

Complaint MultipartParser::take_preamble(bool* progressed) {
  const auto [length, ends] = undelimited();
  ignored_ += length;
  if (ignored_ > limits_.ignored_bytes) return no_beginning(limits_);
  buffer_.erase(0, ends ? length + delimiter_.size() : length);
  if (!ends) return std::nullopt;
  ignored_ = 0;
  state_ = State::after_boundary;
  *progressed = true;
  return std::nullopt;
}

Complaint MultipartParser::take_after_boundary(bool* progressed) {
  const std::string_view rest = without_blanks(buffer_);
  const size_t blanks = buffer_.size() - rest.size();
  if (blanks > limits_.ignored_bytes) return kNoLineEnd;
  if (rest.size() < kLineEnd.size()) return std::nullopt;
  const bool is_end = blanks == 0 && rest.starts_with("--");
  if (!is_end && !rest.starts_with(kLineEnd)) return kNoLineEnd;
  if (is_end && parts_ == 0) return "The form has no parts.";
  if (!is_end && ++parts_ > limits_.parts) return "The form has more than " + std::to_string(limits_.parts) + " parts.";
  // The line end stays in the buffer: if the part has no headers, it is the first half of their end.
  buffer_.erase(0, is_end ? 2 : blanks);
  state_ = is_end ? State::after_end : State::headers;
  *progressed = true;
  return std::nullopt;
}

Complaint MultipartParser::take_headers(bool* progressed) {
  const size_t end = buffer_.find(kHeadersEnd);
  const size_t least =
      end != std::string::npos ? end : buffer_.size() - std::min(buffer_.size(), kHeadersEnd.size() - 1);
  if (least > limits_.part_headers_bytes) {
    return "The headers of a part are longer than " + std::to_string(limits_.part_headers_bytes) + " bytes.";
  }
  if (end == std::string::npos) return std::nullopt;
  PartHeaders headers;
  // From the boundary's line end to the empty line; empty if the part has no headers.
  const std::string_view lines = end == 0 ? std::string_view() : std::string_view(buffer_).substr(2, end);
  if (auto complaint = parse_part_headers(lines, &headers)) return complaint;
  if (auto complaint = sink_.on_part(headers)) return complaint;
  buffer_.erase(0, end + kHeadersEnd.size());
  state_ = State::data;
  *progressed = true;
  return std::nullopt;
}

Complaint MultipartParser::take_data(bool* progressed) {
  const auto [length, ends] = undelimited();
  if (length > 0) {
    if (auto complaint = sink_.on_part_data(std::string_view(buffer_).substr(0, length))) return complaint;
  }
  buffer_.erase(0, ends ? length + delimiter_.size() : length);
  if (!ends) return std::nullopt;
  state_ = State::after_boundary;
  *progressed = true;
  return sink_.on_part_end();
}

Complaint MultipartParser::take_after_end(bool* progressed) {
  const std::string_view rest = without_blanks(buffer_);
  const size_t blanks = buffer_.size() - rest.size();
  if (blanks > limits_.ignored_bytes || !kLineEnd.starts_with(rest.substr(0, kLineEnd.size()))) {
    return "Something follows the form's last boundary on its line.";
  }
  if (rest.size() < kLineEnd.size()) return std::nullopt;
  buffer_.erase(0, blanks + kLineEnd.size());
  state_ = State::epilogue;
  *progressed = true;
  return std::nullopt;
}

Complaint MultipartParser::take_epilogue() {
  ignored_ += buffer_.size();
  buffer_.clear();
  if (ignored_ <= limits_.ignored_bytes) return std::nullopt;
  return "More than " + std::to_string(limits_.ignored_bytes) + " bytes follow the form's last boundary.";
}

}  // namespace tidegate::api
