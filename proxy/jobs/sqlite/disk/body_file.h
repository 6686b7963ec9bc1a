// A file that holds one large body and nothing else, beside the database. Opened, written and synced through SQLite's
// file layer, as all other files of a store. Must not outlive the layer; one thread at a time.
#pragma once

#include <sqlite3.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tidegate::jobs {

class BodyFile {
 public:
  // Makes it, empty, for the process's user alone, in a folder that exists. Errors: io (there is one already, too).
  static Result<BodyFile> make(sqlite3_vfs* vfs, const std::string& path);
  // One that is there, to be read. Errors: not_found, io.
  static Result<BodyFile> open(sqlite3_vfs* vfs, const std::string& path);
  // Durably, also where it is gone already. Errors: io.
  static Status remove(sqlite3_vfs* vfs, const std::string& path);

  // Errors of all: exhausted (the disk is full), io.
  Status write(uint64_t offset, std::string_view bytes);
  Status sync();
  // Fewer bytes only at its end.
  Result<std::string> read(uint64_t offset, size_t count);

 private:
  struct Closed {
    void operator()(sqlite3_file* file) const;
  };

  explicit BodyFile(std::string path) : path_(std::make_unique<const std::string>(std::move(path))) {}
  static Result<BodyFile> open_with(sqlite3_vfs* vfs, const std::string& path, int flags);
  Error error_of(const char* what, int result) const;

  std::unique_ptr<const std::string> path_;  // the layer keeps a pointer to it
  std::unique_ptr<sqlite3_file, Closed> file_;
};

}  // namespace tidegate::jobs
