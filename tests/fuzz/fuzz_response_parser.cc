// Oracle: as for requests. The first byte chooses whether the response is to HEAD and whether the peer closes after it.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "unit/http/parser/transcript.h"

using namespace tidegate;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const bool to_head = (data[0] & 1) != 0;
  const bool ends = (data[0] & 2) != 0;
  http::HeadLimits limits;
  limits.header_bytes = 512;
  limits.header_count = 8;
  limits.chunk_extension_bytes = 32;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = test::read_response(bytes, to_head, ends, test::whole, limits);
  TG_ASSERT(whole == test::read_response(bytes, to_head, ends, test::single, limits));
  size_t turn = 0;
  const auto uneven = [&](std::string_view rest) { return std::min<size_t>(rest.size(), 1 + (turn++ * 7) % 13); };
  TG_ASSERT(whole == test::read_response(bytes, to_head, ends, uneven, limits));
  return 0;
}
