// A second opinion on what Tidegate writes: RFC 9112 read literally, with no leniency and nothing in common with the
// production parser. Lines end with CRLF, fields are on one line, there is one framing, chunks have no extensions.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidegate::loopback {

struct StrictMessage {
  std::string start_line;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
  size_t begins = 0;         // in all that was read
  bool has_headers = false;  // all of them
  bool is_complete = false;

  // The first value of that name, in any case, or "".
  std::string field(std::string_view name) const;
  size_t count(std::string_view name) const;
  bool announces_close() const;

  // Of a request.
  std::string method() const { return start_line.substr(0, start_line.find(' ')); }
  std::string target() const;
  // Of a response.
  int status() const { return std::stoi(start_line.substr(9, 3)); }
  bool is_final() const { return status() >= 200; }
};

class StrictReader {
 public:
  enum class Kind { requests, responses };
  // `to_head`: whether that response is to a HEAD, and so has no body.
  using ToHead = std::function<bool(const StrictMessage&)>;
  explicit StrictReader(Kind kind, ToHead to_head = {}) : kind_(kind), to_head_(std::move(to_head)) {}

  void read(std::string_view bytes);
  // No more bytes come: a body without a length ends here.
  void end();

  // The last may be incomplete. A final response is a message as an interim one is.
  const std::vector<StrictMessage>& messages() const { return messages_; }
  size_t complete() const { return complete_; }
  // Nothing is missing of the last message.
  bool is_between() const { return problem_.empty() && complete_ == messages_.size(); }
  // What is wrong; "": nothing so far. Nothing is read afterwards.
  const std::string& problem() const { return problem_; }
  const std::string& bytes() const { return bytes_; }

 private:
  enum class Part { start_line, fields, fixed_body, body_to_end, chunk_size, chunk, chunk_end, trailers };

  bool read_part();
  bool read_line(void (StrictReader::*take)(std::string_view));
  void take_start_line(std::string_view line);
  void take_field(std::string_view line);
  void take_chunk_size(std::string_view line);
  void take_chunk_end(std::string_view line);
  void take_trailer(std::string_view line);
  void begin_body();
  bool read_body(Part next);
  void complete_message();
  void check_request_line(const std::string& line);
  void check_status_line(const std::string& line);
  void check_host();
  bool has_no_body() const;
  void fail(const std::string& problem);
  std::string_view rest() const { return std::string_view(bytes_).substr(at_); }
  StrictMessage& message() { return messages_.back(); }

  const Kind kind_;
  const ToHead to_head_;
  std::string bytes_;
  size_t at_ = 0;    // in bytes_: what is before it has been read
  size_t left_ = 0;  // of a body or a chunk
  Part part_ = Part::start_line;
  std::vector<StrictMessage> messages_;
  size_t complete_ = 0;
  std::string problem_;
};

}  // namespace tidegate::loopback
