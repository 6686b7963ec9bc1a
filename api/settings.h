// The settings of the program, read from its environment.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "api/store/s3/s3_settings.h"
#include "base/ip.h"
#include "base/result.h"
#include "http/client/fetch.h"
#include "redis/address.h"

namespace tidegate::api {

// S3_ACCESS_KEY, S3_SECRET_KEY, WEBHOOK_SECRET and REDIS_URL may also come from a file (a mounted secret) that
// NAME_FILE names: its content without the last line end, at most 64 KiB.
struct Settings {
  SocketAddress listen;     // LISTEN, 127.0.0.1:8080
  std::string ca_file;      // CA_FILE: who may sign certificates of S3 and Redis; "": whom the system trusts
  http::HttpUrl optimizer;  // OPTIMIZER_URL, http://127.0.0.1:8081; the target has no trailing slash
  std::string state_dir = "./var/api";  // STATE_DIR: holds the objects if there is no S3
  uint64_t max_upload = 32ull << 20;    // MAX_UPLOAD, 1KiB to 1GiB: the size of one picture

  std::optional<redis::Address> redis;  // REDIS_URL; nothing: results are cached in memory
  std::optional<S3Settings> s3;         // S3_ENDPOINT and S3_…; nothing: objects are kept in STATE_DIR
  Duration presign_ttl = 25h;           // PRESIGN_TTL, 1m to 7 days: longer than the queue's job_ttl
  std::string webhook_secret;           // WEBHOOK_SECRET; "": no POST /webhooks/tidegate
  std::vector<Cidr> trusted_proxies;    // TRUSTED_PROXIES, "127.0.0.0/8,::1": X-Forwarded-For from these is used
  // ADMIN_URL: Tidegate's admin interface, for /ready and the page's view of the breaker.
  std::optional<http::HttpUrl> admin;
  // FAULT_URL: the optimizer's /fault, for demonstrations only.
  std::optional<http::HttpUrl> faults;
};

// The value of a variable; nothing: not set.
using Environment = std::function<std::optional<std::string>(const char* name)>;

// An error is the first mistake, with the name of its variable and never a secret. An empty variable counts as not set.
Result<Settings> read_settings(const Environment& environment);

}  // namespace tidegate::api
