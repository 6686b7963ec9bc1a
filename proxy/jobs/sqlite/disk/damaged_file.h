// A job file that was found damaged. It is left alone until somebody has changed it or its WAL: identity, size or time
// of change are others then.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "net/file_state.h"

namespace tidegate::jobs {

class DamagedFile {
 public:
  explicit DamagedFile(std::string path) : path_(std::move(path)) {}

  // Whether it is as it was when it was found damaged. Else an opening begins.
  bool is_unchanged();
  // The opening has found it damaged: logs so, and returns it as a reason for being unavailable. A file that was put in
  // place since the opening began has not been looked at, and is changed.
  std::string found(const std::string& damage);
  void forget() { found_.reset(); }

 private:
  struct State {
    std::optional<net::FileState> file, wal;  // none where there is no file
    friend bool operator==(const State&, const State&) = default;
  };
  static std::optional<net::FileState> state_of(const std::string& path);
  State state() const { return {state_of(path_), state_of(path_ + "-wal")}; }

  const std::string path_;
  std::optional<State> opened_;  // when the opening began
  std::optional<State> found_;
};

}  // namespace tidegate::jobs
