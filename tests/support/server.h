// What all real servers of the tests share: a process, its own folder, and faults. The folder is deleted with the
// owner.
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
  void pause();   // SIGSTOP: the kernel accepts connections and bytes, nothing responds
  void resume();  // SIGCONT

  const std::string& folder() const { return folder_; }
  std::string log() const;  // what it has printed

 protected:
  // `name`: of the folder and in error texts.
  Server(std::string name, int timeout_s);
  ~Server();

  std::string log_path() const { return folder_ + "/output"; }
  // Throws where `comes_up` fails on several ports: another program may take a free port before the server
  // does.
  void start_on_free_port(const std::function<bool()>& comes_up);
  [[noreturn]] void fail(const std::string& what) const;

  const std::string name_;
  const int timeout_s_;
  const std::string folder_;
  uint16_t port_ = 0;
  std::unique_ptr<Process> process_;
};

}  // namespace tidegate::test
