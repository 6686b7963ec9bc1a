// What comes out of a form that arrives in pieces, as text: the same however it is cut.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "api/upload/multipart.h"

namespace tidegate::api::test {

// How much of the rest comes next: 1 to all of it.
using Cut = std::function<size_t(std::string_view rest)>;
size_t whole(std::string_view rest);
size_t single(std::string_view rest);
// Up to `most` bytes, by a generator of its own.
Cut uneven(uint32_t seed, size_t most);

// Of the parser alone: parts, their data, and the complaint. Asserts that the limits hold.
std::string read_parts(std::string_view body, const Cut& cut, const MultipartLimits& limits = {});
// Of the form of an upload, with boundary "b" and room for 4 KiB of picture: its values and key, or the refusal.
std::string read_form(std::string_view body, const Cut& cut);

}  // namespace tidegate::api::test
