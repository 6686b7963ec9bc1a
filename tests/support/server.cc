#include "support/server.h"

#include <signal.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace tidegate::test {

namespace {

constexpr int kPortsMax = 5;

}  // namespace

Server::Server(std::string name, int timeout_s)
    : name_(std::move(name)), timeout_s_(timeout_s), folder_(make_temp_folder("tidegate-" + name_)) {}

Server::~Server() {
  process_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void Server::start_on_free_port(const std::function<bool()>& comes_up) {
  for (int attempts = 0; attempts < kPortsMax; ++attempts) {
    port_ = free_port();
    if (comes_up()) return;
  }
  fail("does not start");
}

void Server::fail(const std::string& what) const { throw std::runtime_error(name_ + " " + what + ": " + log()); }

void Server::stop() {
  process_->signal(SIGCONT);
  process_->signal(SIGTERM);
  if (!process_->wait(timeout_s_)) fail("does not stop");
}

void Server::kill() {
  process_->signal(SIGKILL);
  process_->wait(timeout_s_);
}

void Server::pause() { process_->signal(SIGSTOP); }
void Server::resume() { process_->signal(SIGCONT); }

std::string Server::log() const {
  std::ifstream file(log_path(), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace tidegate::test
