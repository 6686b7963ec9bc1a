#include "api/store/s3/s3_store.h"

#include <utility>

#include <fmt/format.h>

#include "api/store/next_iteration.h"
#include "api/store/object_name.h"
#include "base/assert.h"
#include "base/crc32c.h"

namespace tidegate::api {

namespace {

constexpr int kHashThreads = 1;
constexpr size_t kHashQueueMax = 256;
constexpr size_t kHashInlineBytesMax = 64 << 10;  // hashing these takes less time than switching threads
constexpr char kChecksumField[] = "x-amz-meta-crc32c";

struct Checksums {
  std::string sha256;
  std::string crc32c;
};

std::string crc32c_text(std::string_view bytes) { return fmt::format("{:08x}", crc32c(bytes)); }

Checksums checksums_of(std::string_view bytes) { return {sha256_hex(bytes), crc32c_text(bytes)}; }

}  // namespace

//   hashing ──▶ sending ──▶ done
class S3Store::Put final : public net::Operation {
 public:
  Put(S3Store& store, std::string name, ObjectPtr object, PutCallback done)
      : store_(store), name_(std::move(name)), object_(std::move(object)), done_(std::move(done)) {
    object_->bytes.size() <= kHashInlineBytesMax ? send(checksums_of(object_->bytes)) : hash();
  }

 private:
  void hash() {
    const auto sums = std::make_shared<Checksums>();
    hashing_ = store_.pool_.submit([sums, object = object_] { *sums = checksums_of(object->bytes); },
                                   [this, sums] { send(*sums); });
    if (hashing_) return;
    sending_ = on_next_iteration(store_.runtime_, [this] {
      end(Error{ErrorCode::exhausted, "too many uploads at once"});
    });
  }

  void send(const Checksums& sums) {
    S3Call call{.method = "PUT", .name = name_, .timeout = store_.options_.put_timeout, .body = object_};
    call.payload_sha256 = sums.sha256;
    call.fields.emplace(kChecksumField, sums.crc32c);
    if (!object_->content_type.empty()) call.fields.emplace("content-type", object_->content_type);
    sending_ = store_.client_.call(
        std::move(call), [this](const Result<HttpReply>& reply) { end(reply ? Status(Ok{}) : Status(reply.error())); });
  }

  void end(Status status) {
    const PutCallback done = std::move(done_);  // may destroy this
    done(std::move(status));
  }

  S3Store& store_;
  const std::string name_;
  const ObjectPtr object_;
  PutCallback done_;
  std::unique_ptr<optimizer::WorkPool::Ticket> hashing_;
  std::unique_ptr<net::Operation> sending_;
};

Result<std::unique_ptr<S3Store>> S3Store::open(net::UvRuntime& runtime, S3Settings settings,
                                               const S3StoreOptions& options) {
  if (auto status = CurlMulti::check_library(); !status) return status.error();
  return std::unique_ptr<S3Store>(new S3Store(runtime, std::move(settings), options));
}

S3Store::S3Store(net::UvRuntime& runtime, S3Settings settings, const S3StoreOptions& options)
    : runtime_(runtime),
      options_(options),
      pool_(kHashThreads, kHashQueueMax, [&runtime](std::function<void()> task) { runtime.post(std::move(task)); }),
      client_(runtime, std::move(settings), options.limits),
      bucket_(runtime, client_, options.bucket) {}

std::unique_ptr<net::Operation> S3Store::put(std::string name, ObjectPtr object, PutCallback done) {
  TG_ASSERT(is_object_name(name));
  return std::make_unique<Put>(*this, std::move(name), std::move(object), std::move(done));
}

std::unique_ptr<net::Operation> S3Store::get(std::string name, GetCallback done) {
  TG_ASSERT(is_object_name(name));
  S3Call call{.method = "GET", .name = name, .timeout = options_.get_timeout};
  call.reply_bytes_max = options_.object_bytes_max;
  call.field_wanted = kChecksumField;
  return client_.call(std::move(call), [name = std::move(name), done = std::move(done)](Result<HttpReply> reply) {
    if (!reply) return done(reply.error());
    if (!reply->field.empty() && reply->field != crc32c_text(reply->body)) {
      return done(Error{ErrorCode::invalid, name + ": the object is damaged"});
    }
    done(ObjectPtr(std::make_shared<Object>(Object{std::move(reply->content_type), std::move(reply->body)})));
  });
}

std::unique_ptr<net::Operation> S3Store::exists(std::string name, ExistsCallback done) {
  TG_ASSERT(is_object_name(name));
  return client_.call({.method = "HEAD", .name = std::move(name), .timeout = options_.small_timeout},
                      [done = std::move(done)](const Result<HttpReply>& reply) {
                        if (reply) return done(true);
                        reply.error().code == ErrorCode::not_found ? done(false) : done(reply.error());
                      });
}

std::unique_ptr<net::Operation> S3Store::remove(std::string name, PutCallback done) {
  TG_ASSERT(is_object_name(name));
  return client_.call({.method = "DELETE", .name = std::move(name), .timeout = options_.small_timeout},
                      [done = std::move(done)](const Result<HttpReply>& reply) {
                        const bool gone = reply.ok() || reply.error().code == ErrorCode::not_found;
                        gone ? done(Ok{}) : done(reply.error());
                      });
}

std::optional<std::string> S3Store::presigned_url(const std::string& name, Duration valid_for) {
  TG_ASSERT(is_object_name(name));
  return client_.presigned_url(name, valid_for);
}

std::unique_ptr<net::Operation> S3Store::check(PutCallback done) {
  S3Call call{.method = "HEAD", .name = "", .timeout = options_.check_timeout};
  call.urgent = true;
  return client_.call(std::move(call), [this, done = std::move(done)](const Result<HttpReply>& reply) {
    if (reply) return done(Ok{});
    if (reply.error().code != ErrorCode::not_found) return done(reply.error());
    bucket_.ensure();
    done(Error{ErrorCode::unavailable, reply.error().message + ": the bucket does not exist"});
  });
}

}  // namespace tidegate::api
