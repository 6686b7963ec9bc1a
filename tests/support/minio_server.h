// A real MinIO server, an S3 store: on a free port of loopback, with its data in a folder of its own; it ends with its
// owner, and with the test program however that ends. The calls wait for what they ask for. It takes a while to come
// up: one a program, shared by its cases, each with a bucket of its own.
//
//   TEST_CASE("…") {
//     NEEDS_MINIO();
//     MinioServer& server = MinioServer::shared();
//
// tests/support/minio.py finds the program.
#pragma once

#include <doctest/doctest.h>

#include <string>

#include "support/server.h"

// Ends the test where there is no MinIO.
#define NEEDS_MINIO()                                                     \
  if (!::tidegate::test::MinioServer::installed()) {                      \
    MESSAGE("skipped: no MinIO server is here (tests/support/minio.py)"); \
    return;                                                               \
  }                                                                       \
  static_assert(true)

namespace tidegate::test {

class MinioServer : public Server {
 public:
  static constexpr const char* kAccessKey = "tidegate-tests";
  static constexpr const char* kSecretKey = "a-secret-of-tests";

  static bool installed();
  // Started when first asked for; up (and running) whenever this returns.
  static MinioServer& shared();
  // A name that was not given out before.
  static std::string new_bucket();

  // Starts it; throws where it does not come up. It has no buckets.
  MinioServer();

  void start();  // on the same port and data, after stop or kill

  uint16_t port() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  // Buckets are folders in it, objects folders in those.
  std::string data() const { return folder_ + "/data"; }

 private:
  bool comes_up();
  bool answers() const;
};

}  // namespace tidegate::test
