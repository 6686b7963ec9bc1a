// A child process of a test: ends with its owner, and with the test program however that ends.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace tidegate::test {

class Process {
 public:
  // Runs `command` (found by PATH) with its output in the file `log` and `environment` ("NAME=value") added to ours.
  // The kernel kills it when the calling thread ends: start servers on the test's own thread.
  Process(const std::vector<std::string>& command, const std::string& log,
          const std::vector<std::string>& environment = {});
  ~Process();  // SIGKILL
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  bool running();
  void signal(int number);  // SIGSTOP: it has stopped when this returns
  // Waits until it has ended; false: not within `seconds`.
  bool wait(int seconds);
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
  bool ended_ = false;
};

// For polling loops.
void pause_briefly();
bool is_installed(const std::string& program);
uint16_t free_port();
// A new folder in the system's temporary folder.
std::string make_temp_folder(const std::string& prefix);

}  // namespace tidegate::test
