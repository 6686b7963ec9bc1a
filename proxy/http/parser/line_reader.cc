#include "http/parser/line_reader.h"

#include <algorithm>
#include <cstring>

#include "http/message/chars.h"

namespace tidegate::http {

namespace {

// The first byte of `text` that no line may hold decides.
Violation first_control(std::string_view text) {
  if (!has_control_char(text)) return nullptr;
  const char first = *std::find_if(text.begin(), text.end(), is_control_char);
  return first == '\r' ? &rule::kBareCr : &rule::kControl;
}

// `piece` is part of one line; it holds LF only as its last byte.
Violation check_piece(std::string_view piece, bool after_cr) {
  if (after_cr) return piece.front() == '\n' ? nullptr : &rule::kBareCr;
  const bool ends = piece.back() == '\n';
  std::string_view content = ends ? piece.substr(0, piece.size() - 1) : piece;
  const bool has_cr = !content.empty() && content.back() == '\r';
  if (has_cr) content.remove_suffix(1);
  if (const Violation violation = first_control(content)) return violation;
  return ends && !has_cr ? &rule::kBareLf : nullptr;
}

}  // namespace

LineStep take_line(std::string_view* input, std::string& out, size_t budget, Violation* violation) {
  if (input->empty()) return LineStep::need_more;
  const size_t room = budget - std::min(budget, out.size());
  size_t count = std::min(input->size(), room + 1);
  const void* newline = std::memchr(input->data(), '\n', count);
  if (newline != nullptr) count = static_cast<size_t>(static_cast<const char*>(newline) - input->data()) + 1;

  const std::string_view piece = input->substr(0, count);
  *violation = check_piece(piece, !out.empty() && out.back() == '\r');
  if (*violation == nullptr && count > room) *violation = &rule::kHeadBytes;
  if (*violation != nullptr) return LineStep::refused;
  out.append(piece);
  input->remove_prefix(count);
  return newline != nullptr ? LineStep::line : LineStep::need_more;
}

}  // namespace tidegate::http
