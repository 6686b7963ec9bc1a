// Oracle: result, headers and bodies are the same whether the bytes arrive at once, one by one, or cut by a pattern.
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
  return 0;
}
