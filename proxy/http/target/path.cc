#include "http/target/path.h"

#include "http/message/chars.h"
#include "http/target/percent.h"

namespace tidegate::http {

namespace {

// REQUIRES an escape.
bool is_normal_escape(std::string_view escape) {
  return !chars::is(*escaped_byte(escape), chars::kUnreserved) && !is_lower(escape[1]) && !is_lower(escape[2]);
}

// REQUIRES that `out` is not beyond the escape.
size_t write_normal_escape(char* out, std::string_view escape) {
  const char byte = *escaped_byte(escape);
  if (chars::is(byte, chars::kUnreserved)) {
    *out = byte;
    return 1;
  }
  for (const char c : escape) *out++ = to_upper(c);
  return escape.size();
}

bool is_dot_segment(std::string_view segment) { return segment == "." || segment == ".."; }

// Removes the last segment of what ends with a slash; the root has none.
size_t parent_of(const char* path, size_t size) {
  if (size == 1) return 1;
  do --size;
  while (path[size - 1] != '/');
  return size;
}

}  // namespace

bool is_normal_path(std::string_view path) {
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '%' && !is_normal_escape(path.substr(i, kEscapeSize))) return false;
    if (path[i] != '/' || i + 1 == path.size() || (path[i + 1] != '/' && path[i + 1] != '.')) continue;
    const std::string_view rest = path.substr(i + 1);
    if (rest.front() == '/' || is_dot_segment(rest.substr(0, rest.find('/')))) return false;
  }
  return true;
}

bool has_encoded_slash(std::string_view path) {
  for (size_t at = path.find('%'); at != path.npos; at = path.find('%', at + 1)) {
    const char c = *escaped_byte(path.substr(at));
    if (c == '/' || c == '\\') return true;
  }
  return false;
}

// What has been written never passes what has been read.
size_t normalize_path(char* path, size_t size) {
  size_t written = 0;
  for (size_t read = 0; read < size;) {
    if (written == 0 || path[written - 1] != '/') path[written++] = '/';
    ++read;
    const size_t segment = written;
    while (read < size && path[read] != '/') {
      if (path[read] == '%') {
        written += write_normal_escape(path + written, std::string_view(path + read, kEscapeSize));
        read += kEscapeSize;
      } else {
        path[written++] = path[read++];
      }
    }
    const std::string_view name(path + segment, written - segment);
    if (name == "..") written = parent_of(path, segment);
    else if (name == ".") written = segment;
  }
  return written;
}

std::string normal_path(std::string_view path) {
  std::string normal(path);
  normal.resize(normalize_path(normal.data(), normal.size()));
  return normal;
}

}  // namespace tidegate::http
