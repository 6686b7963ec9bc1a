#include "support/process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <random>
#include <sstream>
#include <stdexcept>

namespace tidegate::test {

namespace {

constexpr int kPollMs = 2;
constexpr int kPortMin = 12'000, kPortMax = 32'000;  // below those that Linux gives to clients
constexpr int kPortAttempts = 100;

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

}  // namespace

Process::Process(const std::vector<std::string>& command, const std::string& log,
                 const std::vector<std::string>& environment) {
  // Allocates before the fork: the child of a program with threads may only make system calls.
  std::vector<std::string> arguments = command;
  std::vector<std::string> settings = environment;
  for (char** entry = environ; *entry != nullptr; ++entry) settings.emplace_back(*entry);
  const std::vector<char*> argv = pointers(arguments);
  const std::vector<char*> envp = pointers(settings);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ > 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (out < 0 || in < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0) _exit(127);
  execvpe(argv[0], argv.data(), envp.data());
  _exit(127);
}

Process::~Process() {
  if (!running()) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

bool Process::running() {
  if (!ended_) ended_ = waitpid(pid_, nullptr, WNOHANG) != 0;
  return !ended_;
}

void Process::signal(int number) {
  if (!running()) return;
  ::kill(pid_, number);
  if (number != SIGSTOP) return;
  // On a busy machine it takes a while to stop.
  int status = 0;
  ended_ = waitpid(pid_, &status, WUNTRACED) == pid_ && !WIFSTOPPED(status);
}

bool Process::wait(int seconds) {
  for (int polls = seconds * 1000 / kPollMs; running() && polls > 0; --polls) pause_briefly();
  return !running();
}

void pause_briefly() { poll(nullptr, 0, kPollMs); }

bool is_installed(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (access((folder + "/" + program).c_str(), X_OK) == 0) return true;
  }
  return false;
}

// Not an ephemeral port: the kernel could give it to a client of another test before the
// server listens.
uint16_t free_port() {
  static std::mt19937 random(static_cast<unsigned>(getpid()));
  std::uniform_int_distribution<int> any(kPortMin, kPortMax);
  for (int attempts = 0; attempts < kPortAttempts; ++attempts) {
    const auto port = static_cast<uint16_t>(any(random));
    const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool is_free = bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    close(descriptor);
    if (is_free) return port;
  }
  throw std::runtime_error("no free port");
}

std::string make_temp_folder(const std::string& prefix) {
  std::string name = (std::filesystem::temp_directory_path() / (prefix + "-XXXXXX")).string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
  return name;
}

}  // namespace tidegate::test
