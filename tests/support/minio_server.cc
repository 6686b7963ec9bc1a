#include "support/minio_server.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <filesystem>

namespace tidegate::test {

namespace {

constexpr int kTimeout_s = 60;

std::string find_program() {
  FILE* output = popen("python3 -B " TIDEGATE_SOURCE_DIR "/tests/support/minio.py", "r");
  if (output == nullptr) return "";
  std::array<char, 4096> line{};
  std::string path = fgets(line.data(), line.size(), output) == nullptr ? "" : line.data();
  pclose(output);
  while (path.ends_with('\n')) path.pop_back();
  return path;
}

const std::string& program() {
  static const std::string found = find_program();
  return found;
}

}  // namespace

bool MinioServer::installed() { return !program().empty(); }

MinioServer& MinioServer::shared() {
  static MinioServer server;
  server.resume();
  if (!server.process_->running()) server.start();
  return server;
}

std::string MinioServer::new_bucket() {
  static int made = 0;
  return "bucket-" + std::to_string(made++);
}

MinioServer::MinioServer(CertificateFiles tls) : Server("minio", kTimeout_s), by_tls_(!tls.cert_file.empty()) {
  std::filesystem::create_directory(certificates());
  if (by_tls_) {
    std::filesystem::copy_file(tls.cert_file, certificates() + "/public.crt");
    std::filesystem::copy_file(tls.key_file, certificates() + "/private.key");
  }
  start_on_free_port([this] { return comes_up(); });
}

void MinioServer::start() {
  if (!comes_up()) fail("does not start again");
}

bool MinioServer::comes_up() {
  process_ = std::make_unique<Process>(
      std::vector<std::string>{program(), "server", "--quiet", "--address", "127.0.0.1:" + std::to_string(port_),
                               "--certs-dir", certificates(), data()},
      log_path(),
      std::vector<std::string>{std::string("MINIO_ROOT_USER=") + kAccessKey,
                               std::string("MINIO_ROOT_PASSWORD=") + kSecretKey, "MINIO_BROWSER=off",
                               "MINIO_UPDATE=off", "HOME=" + folder_, "GOMAXPROCS=2"});
  for (int polls = kTimeout_s * 100; polls > 0 && process_->running(); --polls) {
    if (responds() && process_->running()) return true;
    for (int i = 0; i < 5; ++i) pause_briefly();
  }
  return false;
}

// It reports ready before it serves S3 requests: only then does it refuse an anonymous one with 403; one that is not
// by TLS, where it should be, it refuses as soon as it listens.
bool MinioServer::responds() const {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port_);
  const timeval timeout{2, 0};
  setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  const std::string request = "GET / HTTP/1.1\r\nHost: minio\r\nConnection: close\r\n\r\n";
  std::array<char, 12> reply{};
  const bool replied = connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 &&
                       send(descriptor, request.data(), request.size(), MSG_NOSIGNAL) > 0 &&
                       recv(descriptor, reply.data(), reply.size(), MSG_WAITALL) > 0;
  close(descriptor);
  return replied && std::string_view(reply.data(), reply.size()) == (by_tls_ ? "HTTP/1.0 400" : "HTTP/1.1 403");
}

}  // namespace tidegate::test
