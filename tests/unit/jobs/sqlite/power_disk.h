// A disk whose power can be cut, under the real SQLite. The files themselves are what a running process sees; beside
// them the disk keeps what a platter would hold, and every write, truncation and folder entry that no sync has made
// sure of yet.
//
//   write ──▶ file (seen at once)
//         └─▶ pending ──sync──▶ platter
//                └──── cut ───▶ platter, with any of the pending sectors, in the order of their writing, or none
//
// A write is torn at 512 bytes. A file that was made or removed is there or not until its folder is synced, which
// SQLite's unix layer does with the first sync of a journal or WAL, and with a removal where SQLite asks for it.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/random.h"
#include "unit/jobs/sqlite/disk_layer.h"

namespace tidegate::jobs {

class PowerDisk final : public DiskLayer {
 public:
  struct Counts {
    uint64_t cuts = 0;
    uint64_t wal_syncs = 0;
    uint64_t database_syncs = 0;
    uint64_t body_syncs = 0;
    uint64_t failed_syncs = 0;
    uint64_t sectors_kept = 0;  // at cuts, of those pending
    uint64_t sectors_dropped = 0;
  };

  static PowerDisk& the();

  // The power is on; files are durable as they lie. It fails within the `steps`-th write, sync, truncation, making or
  // removal from now; later steps fail. `seed` says what is left then.
  void power_on(uint64_t seed, uint64_t steps);
  void cut_now();
  // The `nth` sync of such a file from now on fails, and what it was for never reaches the platter, though the file
  // shows it: a kernel that has reported a failed write-back once takes those pages for clean.
  void fail_sync(DiskFile kind, uint64_t nth);
  bool is_cut();
  // Whether the file was opened since the power is on. Others lie as they lay.
  bool knows(const std::string& path);
  // Writes what the platter holds of the known files of folder `from`, and of those below it, into `folder`.
  void leave_in(const std::string& from, const std::string& folder);
  // Connections work with PRAGMA synchronous=NORMAL whatever they ask for, and are told otherwise.
  void set_weak(bool weak);
  Counts counts();

  int opened(File& file) override;
  int write(File& file, std::string_view bytes, int64_t at) override;
  int truncate(File& file, int64_t size) override;
  int sync(File& file, int flags) override;
  int remove(const std::string& path, bool sync_folder) override;
  int pragma(std::string_view name, const char* value, std::string* reply) override;

 private:
  struct Pending {
    int64_t at;  // or the new size
    std::string bytes;
    bool truncation;
  };
  struct Inode {
    std::string platter;
    std::vector<Pending> pending;
  };
  struct Entry {                             // of the folder
    std::shared_ptr<Inode> now, on_platter;  // null = no such file
  };

  PowerDisk() : DiskLayer("tidegate-power") {}
  Entry& entry_of(const std::string& path);
  bool step();  // true: the power fails within this one
  void cut();
  void sync_folder();
  static void apply(std::string& bytes, const Pending& pending);
  std::string settle(const Inode& inode, double keep);

  std::mutex mutex_;
  std::map<std::string, Entry> entries_;
  std::map<std::string, std::string> left_;  // after the cut
  Random random_{1};
  uint64_t steps_left_ = 0;
  DiskFile failing_kind_ = DiskFile::wal;
  uint64_t syncs_to_failure_ = 0;  // of that kind; 0 = none fails
  bool on_ = false;
  bool weak_ = false;
  Counts counts_;
};

}  // namespace tidegate::jobs
