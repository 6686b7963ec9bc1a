// multipart/form-data (RFC 7578) as it streams in: strict, bounded, no part is kept. Pure.
//
//   --BOUNDARY ─CRLF▶ part head ─CRLFCRLF▶ data ─CRLF--BOUNDARY─┬─CRLF▶ part head …
//                                                               └─ -- ▶ the end, at most one CRLF after it
//
// Stricter than the RFC: no preamble, no epilogue, no white space after a boundary, no folded lines.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tidegate::api {

struct MultipartLimits {
  size_t parts = 8;
  size_t part_head_bytes = 4096;  // of one part, its line ends included
};

struct PartHead {
  std::string name;
  std::optional<std::string> filename;
  std::string content_type;  // as sent; empty where none was
};

// What is wrong, in one sentence for the client.
using Complaint = std::optional<std::string>;

class PartSink {
 public:
  // Each may refuse; the parser then takes nothing more.
  virtual Complaint on_part(const PartHead& head) = 0;
  virtual Complaint on_part_data(std::string_view piece) = 0;  // zero or more times
  virtual Complaint on_part_end() = 0;

 protected:
  ~PartSink() = default;
};

// The boundary of a Content-Type value, or why there is none.
struct Boundary {
  std::string value;
  Complaint complaint;
};
Boundary parse_boundary(std::string_view content_type);

// The sink outlives the parser.
class MultipartParser {
 public:
  MultipartParser(std::string_view boundary, const MultipartLimits& limits, PartSink& sink);

  // REQUIRES that nothing was complained of before.
  Complaint feed(std::string_view piece);
  // The body has ended.
  Complaint finish() const;

 private:
  enum class State { opening, after_boundary, head, data, after_end, failed };

  Complaint step(bool* progressed);
  Complaint take_opening(bool* progressed);
  Complaint take_after_boundary(bool* progressed);
  Complaint take_head(bool* progressed);
  Complaint take_data(bool* progressed);
  Complaint take_after_end();

  const std::string delimiter_;  // CRLF, two hyphens and the boundary
  const MultipartLimits limits_;
  PartSink& sink_;
  std::string buffer_;  // not understood yet: at most one piece, one head and one delimiter
  State state_ = State::opening;
  size_t parts_ = 0;
};

}  // namespace tidegate::api
