// Files that hold what clients sent belong to the process's user alone: 0600, in folders of 0700, whatever the umask
// is.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace tidegate {

// Makes the folder, and those above it, as 0700, durably. Folders that exist stay as they are: they may be others' too.
// Errors: io, and those of sync_folder.
Status make_private_folders(const std::filesystem::path& folder);

// Makes the file, empty, as 0600, durably, where it does not exist. Errors: io, and those of sync_folder.
Status make_private_file(const std::string& path);

// Takes a file or folder that exists from everybody but its owner, and logs `file_mode_repaired` where others had
// rights. A mode that cannot be changed is logged too (`file_mode_not_repaired`): the file is used all the same.
void keep_private(const std::string& path);

}  // namespace tidegate
