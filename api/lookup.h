// What has become of a key: the result, wherever it is by now, or the job that will make it.
//
//   cache ─miss▶ results ─none▶ jobs ─there▶ Tidegate: status ─succeeded▶ Tidegate: result ──▶ results, cache
//     │ hit        │ there       │ none          │ under way, lost            │ an error         │
//     ▼            ▼             ▼               ▼                            ▼                  ▼
//    done         done        unknown     under_way, failed                failed               done
//
// Where a store or Tidegate cannot be asked: unavailable. A job that has been told of (a webhook) is looked up past the
// cache and the notes of jobs: its result is asked for where the store has none.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "api/reply.h"
#include "api/store/cache.h"
#include "api/store/object_store.h"
#include "api/tidegate_client.h"

namespace tidegate::api {

// All that outlives requests and that they share.
struct Backend {
  net::Runtime& runtime;
  ResultCache& cache;
  ObjectStore& store;
  TidegateClient& tidegate;
};

struct Finding {
  enum class Kind { unknown, done, under_way, failed, unavailable };
  Kind kind = Kind::unknown;
  ObjectPtr image;   // done
  Job job;           // under_way, failed
  JobReport report;  // under_way, failed: `error` says why
  Reply reply;       // unavailable
  // done: false where the result is not in the store, though it should be
  bool is_stored = true;
  bool is_refused = false;  // failed: the optimizer's own last word (4xx) on this picture
};

class Lookup final : public net::Operation {
 public:
  using Callback = std::function<void(Finding)>;

  // The callback runs later, once.
  Lookup(Backend backend, std::string key, Callback done);
  // Of a job that has succeeded, as its webhook says.
  Lookup(Backend backend, std::string key, Job told, Callback done);

 private:
  void ask_store();
  void ask_result();
  void on_cached(ObjectPtr image);
  void on_result(Result<ObjectPtr> result);
  void on_job(Result<ObjectPtr> entry);
  void on_status(Result<http::FetchResponse> response);
  void on_outcome(Result<http::FetchResponse> response);
  void on_stored(const Status& status);
  void fail(std::string why);
  void unavailable(Reply reply);
  void end(Finding::Kind kind);

  Backend backend_;
  const std::string key_;
  const std::optional<Job> told_;
  Callback done_;
  Finding finding_;
  std::unique_ptr<net::Operation> step_;
};

// The picture in an answer of Tidegate's; null where it is none.
ObjectPtr picture_in(http::FetchResponse* response);

}  // namespace tidegate::api
