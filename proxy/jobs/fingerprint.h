// What makes two requests with one Idempotency-Key the same: SHA-256 of route, Host, method, target and body; for a
// reference the URL without its query, since every presigning of one object differs.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "jobs/job.h"

namespace tidegate::jobs {

class Fingerprint {
 public:
  explicit Fingerprint(const JobDraft& draft);
  ~Fingerprint();
  Fingerprint(const Fingerprint&) = delete;
  Fingerprint& operator=(const Fingerprint&) = delete;

  // The body, piece by piece; ignored where there is a reference instead.
  void add(std::string_view piece);
  // 64 hex digits; once.
  std::string finish();

 private:
  void feed(std::string_view bytes);

  struct Digest;
  const bool body_counts_;
  std::unique_ptr<Digest> digest_;
};

// Of a whole draft. Reads a body in a file through: on a store's own thread only. Errors: io.
Result<std::string> fingerprint_of(const JobDraft& draft);

}  // namespace tidegate::jobs
