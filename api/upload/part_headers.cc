#include "api/upload/part_headers.h"

#include <algorithm>

#include "http/message/chars.h"
#include "http/message/head.h"
#include "http/target/percent.h"

namespace tidegate::api {

namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

void skip_blanks(std::string_view* text) {
  while (!text->empty() && http::is_blank(text->front())) text->remove_prefix(1);
}

// A quoted string. A backslash escapes only a quote or a backslash: old browsers send Windows paths unescaped.
std::optional<std::string> take_quoted(std::string_view* text) {
  std::string out;
  for (size_t i = 1; i < text->size(); ++i) {
    const char c = (*text)[i];
    if (c == '"') {
      text->remove_prefix(i + 1);
      return out;
    }
    const bool escapes = c == '\\' && i + 1 < text->size() && ((*text)[i + 1] == '"' || (*text)[i + 1] == '\\');
    if (escapes) ++i;
    out += (*text)[i];
  }
  return std::nullopt;
}

std::optional<std::string> take_value(std::string_view* text) {
  if (!text->empty() && text->front() == '"') return take_quoted(text);
  const size_t length = std::min(text->find_first_of("; \t"), text->size());
  if (length == 0) return std::nullopt;
  std::string out(text->substr(0, length));
  text->remove_prefix(length);
  return out;
}

// RFC 8187 section 3.2: charset'language'text, where %XX is a byte of the charset. Nothing on a syntax error.
std::optional<std::string> decode_extended(std::string_view value) {
  const size_t charset = value.find('\'');
  const size_t language = charset == std::string_view::npos ? charset : value.find('\'', charset + 1);
  if (language == std::string_view::npos || charset == 0) return std::nullopt;
  return http::percent_decode(value.substr(language + 1));
}

Complaint take_field(std::string_view name, std::string_view value, PartHeaders* headers, bool* has_disposition) {
  if (name == "content-type") {
    if (lower(value).starts_with("multipart/")) return "A part is itself multipart; nested parts are not allowed.";
    headers->content_type = value;
  } else if (name == "content-transfer-encoding") {
    const std::string encoding = lower(value);
    if (encoding != "binary" && encoding != "8bit" && encoding != "7bit") {
      return "A part has a Content-Transfer-Encoding; send form data without one.";
    }
  } else if (name == "content-disposition") {
    if (*has_disposition) return "A part has two Content-Disposition fields.";
    *has_disposition = true;
    const auto disposition = parse_parameters(value);
    if (!disposition || disposition->value != "form-data") return "A part's Content-Disposition is not form-data.";
    const std::string* part_name = disposition->find("name");
    if (!part_name || part_name->empty()) return "A part has no name.";
    headers->name = *part_name;
    if (const std::string* filename = disposition->find("filename")) headers->filename = *filename;
    // RFC 7578 section 4.2 forbids it, and .NET sends it.
    if (const std::string* extended = disposition->find("filename*")) {
      headers->filename = decode_extended(*extended);
      if (!headers->filename) return "A part's filename* is not valid.";
    }
  }
  return std::nullopt;
}

}  // namespace

const std::string* ParameterizedValue::find(std::string_view name) const {
  const auto at = std::find_if(parameters.begin(), parameters.end(), [&](const auto& p) { return p.first == name; });
  return at == parameters.end() ? nullptr : &at->second;
}

std::optional<ParameterizedValue> parse_parameters(std::string_view text) {
  ParameterizedValue result;
  result.value = lower(http::trim_ows(text.substr(0, text.find(';'))));
  text.remove_prefix(std::min(text.find(';'), text.size()));
  if (result.value.empty()) return std::nullopt;
  while (!text.empty()) {
    if (text.front() != ';') return std::nullopt;
    text.remove_prefix(1);
    skip_blanks(&text);
    if (text.empty()) return result;  // a trailing semicolon
    const size_t length = http::token_length(text);
    std::string name = lower(text.substr(0, length));
    text.remove_prefix(length);
    if (name.empty() || text.empty() || text.front() != '=' || result.find(name)) return std::nullopt;
    text.remove_prefix(1);
    auto value = take_value(&text);
    if (!value) return std::nullopt;
    result.parameters.emplace_back(std::move(name), std::move(*value));
    skip_blanks(&text);
  }
  return result;
}

Complaint parse_part_headers(std::string_view lines, PartHeaders* headers) {
  bool has_disposition = false;
  while (!lines.empty()) {
    const size_t end = lines.find("\r\n");
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(std::min(lines.size(), line.size() + 2));
    const size_t colon = http::token_length(line);
    if (colon == 0 || colon == line.size() || line[colon] != ':' || http::has_control_char(line)) {
      return "A part has an invalid header line.";
    }
    if (auto complaint = take_field(lower(line.substr(0, colon)), http::trim_ows(line.substr(colon + 1)), headers,
                                    &has_disposition)) {
      return complaint;
    }
  }
  if (!has_disposition) return "A part has no Content-Disposition.";
  return std::nullopt;
}

}  // namespace tidegate::api
