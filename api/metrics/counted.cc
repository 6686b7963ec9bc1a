#include "api/metrics/counted.h"

#include <utility>

namespace tidegate::api {

namespace {

const char* word_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::not_found: return "not_found";
    case ErrorCode::exhausted: return "exhausted";
    case ErrorCode::refused:
    case ErrorCode::timeout:
    case ErrorCode::reset:
    case ErrorCode::unavailable: return "unavailable";
    default: return "failed";
  }
}

}  // namespace

std::unique_ptr<net::Operation> CountedCache::get(std::string_view key, GetCallback done) {
  return real_.get(key, [&metrics = metrics_, done = std::move(done)](ObjectPtr found) {
    metrics.count_cache_get(found != nullptr);
    done(std::move(found));
  });
}

template <typename T>
std::function<void(Result<T>)> CountedStore::counted(const char* op, std::function<void(Result<T>)> done) {
  return [this, op, begun = runtime_.now(), done = std::move(done)](Result<T> result) {
    metrics_.count_store_operation(op, result ? "ok" : word_of(result.error().code), runtime_.now() - begun);
    done(std::move(result));
  };
}

std::unique_ptr<net::Operation> CountedStore::put(std::string name, ObjectPtr object, PutCallback done) {
  return real_.put(std::move(name), std::move(object), counted("put", std::move(done)));
}

std::unique_ptr<net::Operation> CountedStore::get(std::string name, GetCallback done) {
  return real_.get(std::move(name), counted("get", std::move(done)));
}

std::unique_ptr<net::Operation> CountedStore::exists(std::string name, ExistsCallback done) {
  return real_.exists(std::move(name), counted("exists", std::move(done)));
}

std::unique_ptr<net::Operation> CountedStore::remove(std::string name, PutCallback done) {
  return real_.remove(std::move(name), counted("remove", std::move(done)));
}

}  // namespace tidegate::api
