// Temporary files that go from one process to another.
#pragma once

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "net/temp_file.h"
#include "net/uv/descriptors.h"

namespace tidegate::net {

// Another descriptor of what a TempFile of a UvRuntime holds. REQUIRES that something was appended. Errors: exhausted,
// io.
Result<Descriptor> descriptor_of(const FileContent& content);

// The same in the other process: `size` bytes from the start of the file.
std::shared_ptr<const FileContent> content_of(Descriptor file, uint64_t size);

}  // namespace tidegate::net
