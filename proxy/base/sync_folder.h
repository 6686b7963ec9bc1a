// What was made, renamed or removed in a folder is so after a power failure only once the folder itself is synced.
#pragma once

#include <filesystem>

#include "base/result.h"

namespace tidegate {

// "": the working folder. A file system that cannot sync folders (EINVAL) has nothing to do for it. Blocking. Errors:
// exhausted (disk, quota), io.
Status sync_folder(const std::filesystem::path& folder);

}  // namespace tidegate
