// Creates the bucket if it does not exist, in the background: the store may start after the service, and the bucket may
// be deleted later.
//
//                404                  created, or it exists by now
//   checking ───────────▶ creating ─────────────────────────────▶ ready
//     │ ▲ └─ 200 ────────────│───────────────────────────────────▶ │
//     │ │                    │ failed                              │ "NoSuchBucket"
//     ▼ │ back-off           ▼                                     ▼
//    waiting ◀───────────────┘                                  checking
#pragma once

#include <memory>
#include <string>

#include "api/store/s3/s3_client.h"
#include "net/timer.h"
#include "policy/backoff.h"

namespace tidegate::api {

struct S3BucketOptions {
  Duration timeout = 5s;  // per request
  policy::BackoffConfig retry{.base = 200ms, .max = 10s, .jitter = policy::Jitter::equal};
};

class S3Bucket {
 public:
  // Begins to check at once. The runtime and the client must outlive it.
  S3Bucket(net::Runtime& runtime, S3Client& client, const S3BucketOptions& options);

  // Checks again, unless a check is in progress.
  void ensure();
  bool is_ready() const { return state_ == State::ready; }

 private:
  enum class State { checking, creating, ready, waiting };

  void check();
  void create();
  void on_checked(const Result<HttpReply>& reply);
  void on_created(const Result<HttpReply>& reply);
  void end();
  void retry(const Error& error);

  net::Runtime& runtime_;
  S3Client& client_;
  const S3BucketOptions options_;
  State state_ = State::ready;
  int failures_ = 0;
  std::string last_failure_;  // logged once, not after every attempt; "": none
  std::unique_ptr<net::Operation> operation_;
  net::Timer retry_;
};

}  // namespace tidegate::api
