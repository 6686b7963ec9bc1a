// A parser of multipart/form-data (RFC 7578, RFC 2046 section 5.1.1) as it streams in: bounded, and without keeping any
// part. Pure.
//
//   preamble ▶ --BOUNDARY ─blanks CRLF─▶ part headers ─CRLF CRLF─▶ data ─CRLF --BOUNDARY─┬─blanks CRLF─▶ part headers …
//   (dropped)                                                                            └─ -- ──▶ blanks, CRLF epilogue
//                                                                                                          (dropped)
//
// Stricter than the RFC: no folded lines, and at most `ignored_bytes` of what it says to ignore.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tidegate::api {

struct MultipartLimits {
  size_t parts = 8;
  size_t part_headers_bytes = 4096;  // of one part, with its line ends
  size_t ignored_bytes = 4096;       // each: before the first boundary, blanks after one, after the last one's line
};

struct PartHeaders {
  std::string name;
  std::optional<std::string> filename;  // filename*, decoded, where there is one (RFC 6266 section 4.3)
  std::string content_type;             // as sent; may be empty
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
  enum class State { preamble, after_boundary, headers, data, after_end, epilogue, failed };

  struct Undelimited {
    size_t length;  // bytes of the buffer that are part of no delimiter
    bool ends;      // a delimiter follows them
  };

  Undelimited undelimited() const;
  Complaint step(bool* progressed);
  Complaint take_preamble(bool* progressed);
  Complaint take_after_boundary(bool* progressed);
  Complaint take_headers(bool* progressed);
  Complaint take_data(bool* progressed);
  Complaint take_after_end(bool* progressed);
  Complaint take_epilogue();
  bool has_ended() const;

  const std::string delimiter_;  // CRLF, two hyphens and the boundary
  const MultipartLimits limits_;
  PartSink& sink_;
  // Unparsed: at most one piece, the headers of a part and one delimiter. Before the body is a line end, so that the
  // first boundary is a delimiter as the others are.
  std::string buffer_ = "\r\n";
  State state_ = State::preamble;
  size_t parts_ = 0;
  size_t ignored_ = 0;  // bytes of the preamble, or of the epilogue
};

}  // namespace tidegate::api
