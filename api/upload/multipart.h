// A parser of multipart/form-data (RFC 7578) as it streams in: strict, bounded, and without keeping any part. Pure.
//
//   --BOUNDARY ──CRLF──▶ part headers ──CRLF CRLF──▶ data ──CRLF --BOUNDARY─┬─CRLF──▶ part headers …
//                                                                           └─ -- ──▶ the end, then at most one CRLF
//
// Stricter than the RFC: no preamble, no epilogue, no white space after a boundary, no folded lines.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tidegate::api {

struct MultipartLimits {
  size_t parts = 8;
  size_t part_headers_bytes = 4096;  // of one part, with its line ends
};

struct PartHeaders {
  std::string name;
  std::optional<std::string> filename;
  std::string content_type;  // as sent; may be empty
};

// What is wrong, as a sentence for the client. Nothing: no error.
using Complaint = std::optional<std::string>;

class PartSink {
 public:
  // Each may report an error, after which the parser stops.
  virtual Complaint on_part(const PartHeaders& headers) = 0;
  virtual Complaint on_part_data(std::string_view piece) = 0;  // zero or more times
  virtual Complaint on_part_end() = 0;

 protected:
  ~PartSink() = default;
};

// The boundary of a Content-Type value, or the error.
struct Boundary {
  std::string value;
  Complaint complaint;
};
Boundary parse_boundary(std::string_view content_type);

// The sink must outlive the parser.
class MultipartParser {
 public:
  MultipartParser(std::string_view boundary, const MultipartLimits& limits, PartSink& sink);

  // REQUIRES that there was no complaint before.
  Complaint feed(std::string_view piece);
  // The body has ended.
  Complaint finish() const;

 private:
  enum class State { opening, after_boundary, headers, data, after_end, failed };

  Complaint step(bool* progressed);
  Complaint take_opening(bool* progressed);
  Complaint take_after_boundary(bool* progressed);
  Complaint take_headers(bool* progressed);
  Complaint take_data(bool* progressed);
  Complaint take_after_end();

  const std::string delimiter_;  // CRLF, two hyphens and the boundary
  const MultipartLimits limits_;
  PartSink& sink_;
  std::string buffer_;  // unparsed: at most one piece, the headers of a part and one delimiter
  State state_ = State::opening;
  size_t parts_ = 0;
};

}  // namespace tidegate::api
