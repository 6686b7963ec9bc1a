// The character classes of RFC 9110, RFC 9112 and RFC 3986, as one table lookup each. What browsers leave unescaped in
// paths and queries, although RFC 3986 does not: the URL Standard's percent-encode sets (url.spec.whatwg.org).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace tidegate::http {

namespace chars {

enum Class : uint8_t {
  kToken = 1,    // tchar: field names, methods, chunk extension names
  kTarget = 2,   // what a request target may hold: pchar, '/', '?', '%'
  kHost = 4,     // reg-name without its percent sign and without ','
  kControl = 8,  // C0 controls without HTAB, and DEL: never allowed inside a line
  kHex = 16,
  kUnreserved = 32,
  kPath = 64,    // of a received target: as kTarget without '?', and what browsers send unescaped
  kQuery = 128,  // of a received target: the same for the query
};

constexpr std::array<uint8_t, 256> make_table() {
  std::array<uint8_t, 256> table{};
  const auto mark = [&](std::string_view members, uint8_t bit) {
    for (const char c : members)
      table[static_cast<uint8_t>(c)] = static_cast<uint8_t>(table[static_cast<uint8_t>(c)] | bit);
  };
  constexpr std::string_view kAlnum = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  mark(kAlnum, kToken | kTarget | kHost | kUnreserved | kPath | kQuery);
  mark("!#$%&'*+-.^_`|~", kToken);
  mark("-._~!$&'()*+,;=:@/%", kTarget | kPath | kQuery);
  mark("?", kTarget | kQuery);
  mark("|^[]", kPath | kQuery);
  mark("{}`\\", kQuery);
  mark("-._~", kUnreserved);
  mark("-._~!$&'()*+;=", kHost);
  mark("0123456789abcdefABCDEF", kHex);
  for (size_t c = 0; c < 0x20; ++c) table[c] = kControl;
  table[0x7f] = kControl;
  table['\t'] = 0;
  return table;
}

inline constexpr std::array<uint8_t, 256> kTable = make_table();

inline bool is(char c, Class members) { return (kTable[static_cast<uint8_t>(c)] & members) != 0; }

}  // namespace chars

inline bool is_token_char(char c) { return chars::is(c, chars::kToken); }
inline bool is_hex_digit(char c) { return chars::is(c, chars::kHex); }
inline bool is_control_char(char c) { return chars::is(c, chars::kControl); }
inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
inline bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
inline char to_upper(char c) { return is_lower(c) ? static_cast<char>(c - 'a' + 'A') : c; }
inline bool is_blank(char c) { return c == ' ' || c == '\t'; }

// The value of a hexadecimal digit. REQUIRES is_hex_digit(c).
inline unsigned hex_value(char c) { return static_cast<unsigned>(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10); }

// True if any of the eight bytes may be a control character: exact but for HTAB, which counts as one here.
inline bool may_have_control_char(uint64_t word) {
  constexpr uint64_t kOnes = 0x0101010101010101u;
  const uint64_t below_space = (word - kOnes * 0x20) & ~word;
  const uint64_t del = word ^ kOnes * 0x7f;
  return ((below_space | ((del - kOnes) & ~del)) & kOnes * 0x80) != 0;
}

// True if any byte of `text` is a control character. Eight bytes at a time; the last eight may overlap those before.
inline bool has_control_char(std::string_view text) {
  const auto slow = [](std::string_view part) { return std::any_of(part.begin(), part.end(), is_control_char); };
  if (text.size() < 8) return slow(text);
  for (size_t i = 0; i < text.size(); i += 8) {
    const std::string_view part = text.substr(std::min(i, text.size() - 8), 8);
    uint64_t word = 0;
    std::memcpy(&word, part.data(), sizeof(word));
    if (may_have_control_char(word) && slow(part)) return true;
  }
  return false;
}

// The length of the token that `text` begins with.
inline size_t token_length(std::string_view text) {
  size_t length = 0;
  while (length < text.size() && is_token_char(text[length])) ++length;
  return length;
}

inline bool is_token(std::string_view text) { return !text.empty() && token_length(text) == text.size(); }

}  // namespace tidegate::http
