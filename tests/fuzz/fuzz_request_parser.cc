// Oracle: result, headers and bodies are the same whether the bytes arrive at once, one by one, or cut by a pattern;
// and with normal paths too, of which the first is normal, and all but the paths is as without.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "unit/http/parser/transcript.h"

using namespace tidegate;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  http::HeadLimits limits;
  limits.header_bytes = 512;
  limits.header_count = 8;
  limits.chunk_extension_bytes = 32;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto whole = test::read_requests(bytes, test::whole, limits);
  TG_ASSERT(whole == test::read_requests(bytes, test::single, limits));
  size_t turn = 0;
  const auto uneven = [&](std::string_view rest) { return std::min<size_t>(rest.size(), 1 + (turn++ * 7) % 13); };
  TG_ASSERT(whole == test::read_requests(bytes, uneven, limits));
  const http::PathRules normalize{http::PathNormalization::normalize, http::EncodedSlashes::keep};
  const auto normal = test::read_requests(bytes, test::whole, limits, normalize);
  TG_ASSERT(normal == test::read_requests(bytes, test::single, limits, normalize));
  TG_ASSERT(normal.messages == whole.messages && normal.unread == whole.unread);
  TG_ASSERT(normal.first_target.size() <= whole.first_target.size());
  const std::string_view path = std::string_view(normal.first_target).substr(0, normal.first_target.find('?'));
  TG_ASSERT(path.empty() || path == "*" || http::is_normal_path(path));
  return 0;
}
