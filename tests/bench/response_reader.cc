#include "response_reader.h"

#include <strings.h>

#include <charconv>

namespace tidegate::bench {
namespace {

constexpr std::size_t kHeadBytesMax = 32 * 1024;
constexpr std::string_view kVersion = "HTTP/1.1 ";
constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::string_view kLengthName = "\r\ncontent-length:";

// Where the Content-Length line's value begins, or npos.
std::size_t find_length(std::string_view head) {
  for (std::size_t line = head.find('\r'); line != std::string_view::npos; line = head.find('\r', line + 1)) {
    if (head.size() - line < kLengthName.size()) break;
    if (strncasecmp(head.data() + line, kLengthName.data(), kLengthName.size()) == 0) return line + kLengthName.size();
  }
  return std::string_view::npos;
}

}  // namespace

bool ResponseReader::read_head(std::string_view head) {
  if (head.substr(0, kVersion.size()) != kVersion) return false;
  int status = 0;
  const char* begin = head.data() + kVersion.size();
  if (std::from_chars(begin, begin + 3, status).ec != std::errc{} || status != status_expected_) return false;
  std::size_t value = find_length(head);
  if (value == std::string_view::npos) return false;
  value = head.find_first_not_of(' ', value);
  const auto [end, error] = std::from_chars(head.data() + value, head.data() + head.size(), body_bytes_left_);
  if (error != std::errc{} || *end != '\r') return false;
  return body_bytes_expected_ == kAnyLength || body_bytes_left_ == body_bytes_expected_;
}

ResponseReader::Result ResponseReader::feed(std::string_view bytes) {
  if (!in_body_) {
    const std::size_t before = head_.size();
    head_.append(bytes.substr(0, kHeadBytesMax + 1));
    const std::size_t end = head_.find(kHeadEnd);
    if (end == std::string::npos) return head_.size() > kHeadBytesMax ? Result::Bad : Result::More;
    const std::size_t head_bytes = end + kHeadEnd.size();
    if (!read_head(std::string_view(head_).substr(0, head_bytes))) return Result::Bad;
    in_body_ = true;
    bytes.remove_prefix(head_bytes - before);
    head_.clear();
  }
  if (bytes.size() > body_bytes_left_) return Result::Bad;
  body_bytes_left_ -= bytes.size();
  if (body_bytes_left_ > 0) return Result::More;
  in_body_ = false;
  return Result::Done;
}

}  // namespace tidegate::bench
