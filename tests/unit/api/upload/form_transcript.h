// The result of parsing a form that arrives in pieces, as text: the same however it is split.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "api/upload/multipart.h"

namespace tidegate::api::test {

// The size of the next piece, from 1 to the whole rest.
using Cut = std::function<size_t(std::string_view rest)>;
size_t whole(std::string_view rest);
size_t single(std::string_view rest);
// Random sizes up to `most`, from the seed.
Cut uneven(uint32_t seed, size_t most);

// The result of the parser: parts, their data, and the error. Asserts that the limits hold.
std::string read_parts(std::string_view body, const Cut& cut, const MultipartLimits& limits = {});
// The result of an upload form with boundary "b" and a picture of at most 4 KiB: its values and key, or the refusal.
std::string read_form(std::string_view body, const Cut& cut);

}  // namespace tidegate::api::test
