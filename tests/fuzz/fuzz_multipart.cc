// Oracle: the parts, and the form or its refusal, are the same whether the body arrives at once, one byte at a time, or
// cut by a pattern; the limits hold (the transcripts assert that). The boundary is "b".
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "unit/api/upload/form_transcript.h"

using namespace tidegate;
using namespace tidegate::api;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  MultipartLimits limits;
  limits.parts = 4;
  limits.part_headers_bytes = 256;
  limits.ignored_bytes = 64;
  const std::string parts = test::read_parts(bytes, test::whole, limits);
  TG_ASSERT(parts == test::read_parts(bytes, test::single, limits));
  TG_ASSERT(parts == test::read_parts(bytes, test::uneven(static_cast<uint32_t>(size), 13), limits));
  const std::string form = test::read_form(bytes, test::whole);
  TG_ASSERT(form == test::read_form(bytes, test::single));
  TG_ASSERT(form == test::read_form(bytes, test::uneven(static_cast<uint32_t>(size), 100)));
  parse_boundary(bytes);
  return 0;
}
