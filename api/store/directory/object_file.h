// Reads and writes an object as one file. Blocking: for the threads of the store.
//
//   "tidegate-object 1 LENGTH TYPE\n" and LENGTH bytes
//
// A file is written under a temporary name, synced and renamed, and then its folder is synced: after a crash the file
// is complete or absent.
#pragma once

#include <filesystem>

#include "api/store/object.h"
#include "base/result.h"

namespace tidegate::api {

// Errors: exhausted (disk, quota or file size), io. After an error nothing of the new object is left; an older object
// at `path` may still exist. `temp` must be in the same file system.
Status write_object(const std::filesystem::path& path, const std::filesystem::path& temp, const Object& object);

// Errors: not_found, invalid (another format, or truncated), io.
Result<ObjectPtr> read_object(const std::filesystem::path& path);

}  // namespace tidegate::api
