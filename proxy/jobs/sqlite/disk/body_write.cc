#include "jobs/sqlite/disk/body_write.h"

#include <algorithm>
#include <filesystem>

#include "base/crc32c.h"
#include "base/sync_folder.h"

namespace tidegate::jobs {

Result<std::string> read_content(const BodyContent& body, uint64_t offset, uint64_t count) {
  const auto wanted = static_cast<size_t>(std::min(count, body.size() - offset));
  if (!body.file) return body.memory.substr(static_cast<size_t>(offset), wanted);
  auto piece = body.file->read_at(offset, wanted);
  if (piece && piece->size() < wanted) return Error{ErrorCode::io, "a kept body is shorter than it was"};
  return piece;
}

uint32_t chunk_crc(int64_t owner, uint64_t n, std::string_view bytes) {
  return crc32c(bytes, crc32c(std::to_string(owner) + " " + std::to_string(n)));
}

BodyWrite::BodyWrite(std::string path, std::shared_ptr<const int64_t> owner, BodyContent body,
                     std::shared_ptr<std::atomic<uint64_t>> unwritten)
    : path_(std::move(path)), owner_(std::move(owner)), body_(std::move(body)), unwritten_(std::move(unwritten)) {
  *unwritten_ += body_.size();
}

BodyWrite::~BodyWrite() { *unwritten_ -= body_.size() - written_; }

bool BodyWrite::step(sqlite3_vfs* vfs) {
  const auto done = write_on(vfs);
  if (done && !*done) return false;
  end(done ? Result<std::string>(std::move(crcs_)) : Result<std::string>(done.error()));
  return true;
}

void BodyWrite::end(Result<std::string> checksums) {
  file_.reset();
  checksums_.emplace(std::move(checksums));
  ended_ = true;
}

Result<bool> BodyWrite::write_on(sqlite3_vfs* vfs) {
  if (!file_) {
    auto made = BodyFile::make(vfs, path_);
    if (!made) return made.error();
    file_.emplace(std::move(*made));
  }
  const uint64_t until = std::min(body_.size(), written_ + kStepBytes);
  while (written_ < until) {
    if (const Status written = write_chunk(); !written) return written.error();
  }
  if (const Status synced = file_->sync(); !synced) return synced.error();
  if (written_ < body_.size()) return false;
  // SQLite has synced the folder with the file's first sync, if it could: it does not say.
  if (const Status synced = sync_folder(std::filesystem::path(path_).parent_path()); !synced) return synced.error();
  return true;
}

Status BodyWrite::write_chunk() {
  const auto piece = read_content(body_, written_, kChunkBytes);
  if (!piece) return piece.error();
  if (const Status written = file_->write(written_, *piece); !written) return written;
  const uint32_t crc = chunk_crc(*owner_, written_ / kChunkBytes, *piece);
  for (int shift = 0; shift < 32; shift += 8) crcs_ += static_cast<char>(crc >> shift);
  written_ += piece->size();
  *unwritten_ -= piece->size();
  return Ok{};
}

}  // namespace tidegate::jobs
