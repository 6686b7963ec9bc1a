// Sees to it that the bucket is there, in the background: the store may come up after the service, and lose its bucket.
//
//               404                    made, or somebody else was faster
//   asking ───────────▶ making ───────────────────────────────▶ there
//     │ ▲ └─ 200 ──────────│─────────────────────────────────▶ │
//     │ │                  │ failed                             │ "NoSuchBucket"
//     ▼ │ back-off         ▼                                    ▼
//    waiting ◀──────────────                                 asking
#pragma once

#include <memory>
#include <string>

#include "api/store/s3_client.h"
#include "net/timer.h"
#include "policy/backoff.h"

namespace tidegate::api {

struct S3BucketOptions {
  Duration timeout = 5s;  // of one request
  policy::BackoffConfig retry{.base = 200ms, .max = 10s, .jitter = policy::Jitter::equal};
};

class S3Bucket {
 public:
  // Begins to ask at once. The runtime and the client outlive it.
  S3Bucket(net::Runtime& runtime, S3Client& client, const S3BucketOptions& options);

  // Asks again, unless it is at it.
  void ensure();
  bool is_there() const { return state_ == State::there; }

 private:
  enum class State { asking, making, there, waiting };

  void ask();
  void make();
  void on_asked(const Result<HttpReply>& reply);
  void on_made(const Result<HttpReply>& reply);
  void found(const char* how);
  void retry(const Error& error);

  net::Runtime& runtime_;
  S3Client& client_;
  const S3BucketOptions options_;
  State state_ = State::there;
  int failures_ = 0;
  std::string last_failure_;  // logged once, not at every try
  std::unique_ptr<net::Operation> operation_;
  net::Timer retry_;
};

}  // namespace tidegate::api
