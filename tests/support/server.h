// What every real server of the tests has: a process, a folder of its own, and the ways to harm it. The folder goes
// with the owner.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "support/process.h"

namespace tidegate::test {

class Server {
 public:
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void stop();    // SIGTERM, and waits for its end
  void kill();    // SIGKILL
  void pause();   // SIGSTOP: connections are made and bytes taken by the kernel, nothing is answered
  void resume();  // SIGCONT

  const std::string& folder() const { return folder_; }
  std::string log() const;  // what it has printed

 protected:
  // `name`: of the folder and in complaints.
  Server(std::string name, int patience_s);
  ~Server();

  std::string log_path() const { return folder_ + "/output"; }
  // Throws where `comes_up` says no on every port tried: another program may take one between our look and the
  // server's.
  void start_on_free_port(const std::function<bool()>& comes_up);
  [[noreturn]] void fail(const std::string& what) const;

  const std::string name_;
  const int patience_s_;
  const std::string folder_;
  uint16_t port_ = 0;
  std::unique_ptr<Process> process_;
};

}  // namespace tidegate::test
