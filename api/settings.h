// What the program is told by its environment.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/result.h"
#include "http/client/fetch.h"
#include "redis/address.h"

namespace tidegate::api {

// An S3 server: https:// is verified TLS. Objects are addressed as ENDPOINT/BUCKET/NAME (path style).
struct S3Settings {
  std::string endpoint;  // S3_ENDPOINT, "http://minio:9000", without a last slash
  std::string bucket;    // S3_BUCKET, "watermark"; made at start where it is missing
  std::string region;    // S3_REGION, "us-east-1"
  std::string access_key;
  std::string secret_key;
};

// A variable whose name ends in _KEY, _SECRET or REDIS_URL may be given as NAME_FILE too: the file's content without
// its last line end (a mounted secret), at most 64 KiB.
struct Settings {
  SocketAddress listen;                 // LISTEN, 127.0.0.1:8080
  http::HttpUrl optimizer;              // OPTIMIZER_URL, http://127.0.0.1:8081; the target without a last slash
  std::string state_dir = "./var/api";  // STATE_DIR: the objects, where there is no S3
  uint64_t max_upload = 32ull << 20;    // MAX_UPLOAD, 1KiB to 1GiB: of one picture

  std::optional<redis::Address> redis;  // REDIS_URL; nothing: results are cached in this process
  std::optional<S3Settings> s3;         // S3_ENDPOINT and its kin; nothing: objects lie in STATE_DIR
  Duration presign_ttl = 25h;           // PRESIGN_TTL, 1m to 7 days: longer than the queue's job_ttl
  std::string webhook_secret;           // WEBHOOK_SECRET; "": POST /webhooks/tidegate is not there
  std::vector<Cidr> trusted_proxies;    // TRUSTED_PROXIES, "127.0.0.0/8,::1": whose X-Forwarded-For is believed
  std::optional<http::HttpUrl>
      admin;  // ADMIN_URL: Tidegate's admin interface, for /ready, and for the page to show the breaker
  std::optional<http::HttpUrl> faults;  // FAULT_URL: the optimizer's /fault, for demonstrations only
};

// The value of a variable; nothing where it is not set.
using Environment = std::function<std::optional<std::string>(const char* name)>;

// The first thing that is wrong, with the variable's name; never a secret. A variable that is set to nothing counts as
// not set.
Result<Settings> read_settings(const Environment& environment);

}  // namespace tidegate::api
