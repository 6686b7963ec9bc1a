// A real MinIO server (an S3 store) on a free loopback port, with its data in its own folder. It ends with its owner,
// and with the test program however that ends. Calls block until they are done. It takes a while to start: one server
// for each program, shared by its cases, each of which has its own bucket.
//
//   TEST_CASE("…") {
//     NEEDS_MINIO();
//     MinioServer& server = MinioServer::shared();
//
// tests/support/minio.py finds the program.
#pragma once

#include <doctest/doctest.h>

#include <string>

#include "support/certificates.h"
#include "support/server.h"

// Skips the test where no MinIO is installed.
#define NEEDS_MINIO()                                                   \
  if (!::tidegate::test::MinioServer::installed()) {                    \
    MESSAGE("skipped: no MinIO server found (tests/support/minio.py)"); \
    return;                                                             \
  }                                                                     \
  static_assert(true)

namespace tidegate::test {

class MinioServer : public Server {
 public:
  static constexpr const char* kAccessKey = "tidegate-tests";
  static constexpr const char* kSecretKey = "a-secret-of-tests";

  static bool installed();
  // Started on first use; it serves when this returns.
  static MinioServer& shared();
  // A new name with each call.
  static std::string new_bucket();

  // Starts it, without buckets; throws where it does not start. `tls`: it is reached by https://.
  explicit MinioServer(CertificateFiles tls = {});

  void start();  // on the same port and data, after stop or kill

  uint16_t port() const { return port_; }
  std::string url() const { return (by_tls_ ? "https" : "http") + ("://127.0.0.1:" + std::to_string(port_)); }
  // Buckets are its folders, objects are folders in those.
  std::string data() const { return folder_ + "/data"; }

 private:
  bool comes_up();
  std::string certificates() const { return folder_ + "/certificates"; }
  bool responds() const;

  const bool by_tls_;
};

}  // namespace tidegate::test
