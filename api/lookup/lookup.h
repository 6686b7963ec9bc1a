// What became of an upload: finds the result of a key, wherever it is, or the state of its job.
//
//   cache ──miss──▶ results ──none──▶ jobs ──found──▶ job's status ──succeeded──▶ job's result ──▶ results, cache
//     │ hit           │ found           │ none           │ unfinished, lost          │ an error        │
//     ▼               ▼                 ▼                ▼                           ▼                 ▼
//    done            done            unknown          pending, failed             failed             done
//
// If a store or Tidegate does not respond: unavailable. A job that a webhook reports as succeeded skips the cache and
// the job entry: if the store has no result, Tidegate is queried for it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "api/cache/result_cache.h"
#include "api/http/reply.h"
#include "api/store/object_store.h"
#include "api/tidegate/job.h"
#include "api/tidegate/tidegate_client.h"

namespace tidegate::api {

// What all requests share; it outlives them.
struct Backend {
  net::Runtime& runtime;
  ResultCache& cache;
  ObjectStore& store;
  TidegateClient& tidegate;
};

struct Finding {
  enum class Kind { unknown, done, pending, failed, unavailable };
  Kind kind = Kind::unknown;
  ObjectPtr image;   // done
  Job job;           // pending, failed
  JobReport report;  // pending, failed; `error` is the reason
  Reply reply;       // unavailable
  // done: false if the result could not be stored
  bool is_stored = true;
  bool is_refused = false;  // failed: the optimizer refuses this picture (4xx), so another attempt cannot succeed
};

class Lookup final : public net::Operation {
 public:
  using Callback = std::function<void(Finding)>;

  // The callback runs later, once.
  Lookup(Backend backend, std::string key, Callback done);
  // For a job that succeeded, as its webhook reports.
  Lookup(Backend backend, std::string key, Job succeeded, Callback done);

 private:
  void query_store();
  void query_result();
  void on_cached(ObjectPtr image);
  void on_stored_result(Result<ObjectPtr> result);
  void on_job(Result<ObjectPtr> entry);
  void on_status(Result<http::FetchResponse> response);
  void on_result(Result<http::FetchResponse> response);
  void on_stored(const Status& status);
  void fail(std::string reason);
  void unavailable(Reply reply);
  void end(Finding::Kind kind);

  Backend backend_;
  const std::string key_;
  const std::optional<Job> succeeded_;
  Callback done_;
  Finding finding_;
  std::unique_ptr<net::Operation> step_;
};

// The picture in a response of Tidegate; null if the body is not a picture.
ObjectPtr picture_in(http::FetchResponse* response);

}  // namespace tidegate::api
