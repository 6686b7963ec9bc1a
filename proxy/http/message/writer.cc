#include "http/message/writer.h"

#include <array>

#include "base/assert.h"

namespace tidegate::http {

namespace {

// The registered phrases (RFC 9110 section 15 and the IANA registry), by code.
struct Phrase {
  uint16_t status;
  std::string_view text;
};

constexpr Phrase kPhrases[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {102, "Processing"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {207, "Multi-Status"},
    {208, "Already Reported"},
    {226, "IM Used"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {305, "Use Proxy"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {424, "Failed Dependency"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {506, "Variant Also Negotiates"},
    {507, "Insufficient Storage"},
    {508, "Loop Detected"},
    {511, "Network Authentication Required"},
};

constexpr auto kPhraseIndex = [] {
  std::array<std::string_view, 500> index{};
  for (const Phrase& phrase : kPhrases) index[phrase.status - 100u] = phrase.text;
  return index;
}();

// Line breaks and NUL in what is written would let a value end the head: never from our own code.
void append_checked(std::string& out, std::string_view text) {
  unsigned bad = 0;
  for (const char c : text) bad |= static_cast<unsigned>((c == '\r') | (c == '\n') | (c == '\0'));
  TG_ASSERT(bad == 0);
  out.append(text);
}

void append_number(std::string& out, uint64_t value) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  out.append(digits, end);
}

}  // namespace

std::string_view reason_phrase(uint16_t status) {
  return status >= 100 && status < 600 ? kPhraseIndex[status - 100u] : std::string_view();
}

void HeadWriter::request_line(std::string_view method, std::string_view target) {
  append_checked(out_, method);
  out_ += ' ';
  append_checked(out_, target);
  out_ += " HTTP/1.1\r\n";
}

void HeadWriter::status_line(uint16_t status, std::string_view reason) {
  TG_ASSERT(status >= 100 && status <= 999);
  out_ += "HTTP/1.1 ";
  append_number(out_, status);
  out_ += ' ';
  append_checked(out_, reason.empty() ? reason_phrase(status) : reason);
  out_ += "\r\n";
}

void HeadWriter::field(std::string_view name, std::string_view value) {
  append_checked(out_, name);
  out_ += ": ";
  append_checked(out_, value);
  out_ += "\r\n";
}

void HeadWriter::field(std::string_view name, uint64_t value) {
  append_checked(out_, name);
  out_ += ": ";
  append_number(out_, value);
  out_ += "\r\n";
}

void HeadWriter::end() { out_ += "\r\n"; }

std::string_view chunk_header(size_t size, char (&buffer)[24]) {
  char* end = std::to_chars(buffer, buffer + 16, size, 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  return {buffer, static_cast<size_t>(end - buffer)};
}

}  // namespace tidegate::http
