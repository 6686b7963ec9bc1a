#include "api/cache/cached_value.h"

#include <limits>
#include <utility>

#include "base/assert.h"
#include "base/crc32c.h"

namespace tidegate::api {

namespace {

constexpr std::string_view kMagic = "TGR1";
constexpr size_t kTrailer = 1 + 8 + 4 + kMagic.size();

void append_integer(std::string& to, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) to += static_cast<char>(value >> (8 * i) & 0xFF);
}

uint64_t read_integer(std::string_view from) {
  uint64_t value = 0;
  for (size_t i = from.size(); i-- > 0;) value = value << 8 | static_cast<uint8_t>(from[i]);
  return value;
}

}  // namespace

std::string to_cached_value(const Object& object) {
  TG_ASSERT(object.content_type.size() <= std::numeric_limits<uint8_t>::max());
  std::string value;
  value.reserve(object.bytes.size() + object.content_type.size() + kTrailer);
  value.append(object.bytes).append(object.content_type);
  const uint32_t checksum = crc32c(value);
  append_integer(value, object.content_type.size(), 1);
  append_integer(value, object.bytes.size(), 8);
  append_integer(value, checksum, 4);
  return value.append(kMagic);
}

ObjectPtr from_cached_value(std::string value) {
  if (value.size() < kTrailer || !value.ends_with(kMagic)) return nullptr;
  const std::string_view checked(value.data(), value.size() - kTrailer);
  const std::string_view trailer = std::string_view(value).substr(checked.size());
  const uint64_t type_size = read_integer(trailer.substr(0, 1));
  const uint64_t size = read_integer(trailer.substr(1, 8));
  if (size > checked.size() || checked.size() - size != type_size) return nullptr;
  if (crc32c(checked) != read_integer(trailer.substr(9, 4))) return nullptr;
  auto object = std::make_shared<Object>();
  object->content_type = checked.substr(size);
  value.resize(size);
  object->bytes = std::move(value);
  return object;
}

}  // namespace tidegate::api
