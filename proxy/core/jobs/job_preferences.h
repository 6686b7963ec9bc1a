// What a request says about the job that it may become: Idempotency-Key, Tidegate-Body-Ref, Prefer.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "config/config.h"
#include "http/message/head.h"

namespace tidegate::core {

struct JobPreferences {
  std::string idempotency_key;          // "" = none
  std::optional<std::string> body_ref;  // the job's body is to be fetched from there; the request's is not the job's
  std::optional<Duration> wait;         // Prefer: respond-async, wait=N
  bool respond_async = false;           // Prefer: respond-async
};

// Null: the request says nothing about a job. Error: invalid, with a sentence for the client; such a request is refused
// before anything is done with it, since a bad key or reference would fail the job later.
Result<std::unique_ptr<JobPreferences>> job_preferences(const http::Fields& fields,
                                                        const config::FallbackEnqueue& enqueue);

}  // namespace tidegate::core
