// One object in one file. Blocking: for the store's threads.
//
//   "tidegate-object 1 LENGTH TYPE\n" and LENGTH bytes
//
// Written to a temporary name, synced, renamed, and the folder synced: after a crash the file is whole or not there.
#pragma once

#include <filesystem>

#include "api/store/image.h"
#include "base/result.h"

namespace tidegate::api {

// Errors: exhausted (disk, quota or file size), io. On any error nothing is left under either name; an object that
// stood at `path` before may still stand there. `temp` is in the same file system.
Status write_object(const std::filesystem::path& path, const std::filesystem::path& temp, const Object& object);

// Errors: not_found, invalid (not such a file, or cut off), io.
Result<ObjectPtr> read_object(const std::filesystem::path& path);

}  // namespace tidegate::api
