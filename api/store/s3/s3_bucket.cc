#include "api/store/s3/s3_bucket.h"

#include <utility>

#include "base/log.h"

namespace tidegate::api {

namespace {

constexpr char kHomeRegion[] = "us-east-1";  // S3 rejects it as a location constraint

ObjectPtr location_of(const S3Settings& settings) {
  if (settings.region == kHomeRegion) return nullptr;
  return std::make_shared<Object>(Object{"application/xml",
                                         "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                                         "<LocationConstraint>" +
                                             settings.region + "</LocationConstraint></CreateBucketConfiguration>"});
}

}  // namespace

S3Bucket::S3Bucket(net::Runtime& runtime, S3Client& client, const S3BucketOptions& options)
    : runtime_(runtime), client_(client), options_(options), retry_(runtime, [this] { check(); }) {
  client_.on_bucket_missing([this] { ensure(); });
  ensure();
}

void S3Bucket::ensure() {
  if (state_ == State::ready) check();
}

void S3Bucket::check() {
  state_ = State::checking;
  operation_ = client_.call({.method = "HEAD", .name = "", .timeout = options_.timeout, .urgent = true},
                            [this](const Result<HttpReply>& reply) { on_checked(reply); });
}

void S3Bucket::on_checked(const Result<HttpReply>& reply) {
  if (reply) {
    log_info("bucket_found", {{"server", client_.settings().endpoint}, {"bucket", client_.settings().bucket}});
    return end();
  }
  if (reply.error().code != ErrorCode::not_found) return retry(reply.error());
  create();
}

void S3Bucket::create() {
  state_ = State::creating;
  S3Call call{.method = "PUT", .name = "", .timeout = options_.timeout, .body = location_of(client_.settings())};
  if (call.body) call.payload_sha256 = sha256_hex(call.body->bytes);
  call.urgent = true;
  operation_ = client_.call(std::move(call), [this](const Result<HttpReply>& reply) { on_created(reply); });
}

void S3Bucket::on_created(const Result<HttpReply>& reply) {
  const bool exists = !reply && reply.error().message.find("BucketAlreadyOwnedByYou") != std::string::npos;
  if (!reply && !exists) return retry(reply.error());
  if (reply)
    log_info("bucket_created", {{"server", client_.settings().endpoint}, {"bucket", client_.settings().bucket}});
  end();
}

void S3Bucket::end() {
  state_ = State::ready;
  failures_ = 0;
  operation_.reset();
  if (!std::exchange(last_failure_, "").empty()) {
    log_info("store_recovered", {{"server", client_.settings().endpoint}});
  }
}

void S3Bucket::retry(const Error& error) {
  state_ = State::waiting;
  operation_.reset();
  if (std::exchange(last_failure_, error.message) != error.message) {
    log_warn("store_unavailable", {{"server", client_.settings().endpoint}, {"reason", error.message}});
  }
  retry_.start_after(policy::Backoff(options_.retry).delay(failures_++, {}, runtime_.random()));
}

}  // namespace tidegate::api
