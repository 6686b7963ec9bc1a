// The codec's writing half: request and response heads appended to a caller's buffer (reused, so that the steady state
// allocates nothing), and chunk framing. It writes what it is given: values must be free of CR, LF and NUL (asserted).
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/message/head.h"

namespace tidegate::http {

// "Bad Gateway" for 502; "" for a code that has no standard phrase.
std::string_view reason_phrase(uint16_t status);

class HeadWriter {
 public:
  explicit HeadWriter(std::string& out) : out_(out) {}

  void request_line(std::string_view method, std::string_view target);
  // Always HTTP/1.1. An empty reason becomes the standard phrase.
  void status_line(uint16_t status, std::string_view reason = {});
  void field(std::string_view name, std::string_view value);
  void field(std::string_view name, uint64_t value);
  void end();

 private:
  std::string& out_;
};

// "1a\r\n" before a chunk of 26 bytes; the chunk is followed by "\r\n".
std::string_view chunk_header(size_t size, char (&buffer)[24]);
inline constexpr std::string_view kChunkEnd = "\r\n";
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

// True for the fields that end with this connection (RFC 9110 section 7.6.1): Connection and what it names, Keep-Alive,
// Proxy-Connection, TE, Trailer, Transfer-Encoding, Upgrade, Proxy-Authenticate*, HTTP2-Settings. `connection` is the
// joined value of the Connection fields. Fields that a peer must not remove by naming them (Host, Content-Length,
// X-Forwarded-*, identity) are not made hop-by-hop by Connection.
bool is_hop_by_hop(std::string_view name, const Fields& fields);

}  // namespace tidegate::http
