#include "api/store/s3_bucket.h"

#include <utility>

#include "base/log.h"

namespace tidegate::api {

namespace {

constexpr char kHomeRegion[] = "us-east-1";  // may not be named when a bucket is made

ObjectPtr location_of(const S3Settings& settings) {
  if (settings.region == kHomeRegion) return nullptr;
  return std::make_shared<Object>(Object{"application/xml",
                                         "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                                         "<LocationConstraint>" +
                                             settings.region + "</LocationConstraint></CreateBucketConfiguration>"});
}

}  // namespace

S3Bucket::S3Bucket(net::Runtime& runtime, S3Client& client, const S3BucketOptions& options)
    : runtime_(runtime), client_(client), options_(options), retry_(runtime, [this] { ask(); }) {
  client_.on_bucket_missing([this] { ensure(); });
  ensure();
}

void S3Bucket::ensure() {
  if (state_ == State::there) ask();
}

void S3Bucket::ask() {
  state_ = State::asking;
  operation_ = client_.call({.method = "HEAD", .name = "", .timeout = options_.timeout, .urgent = true},
                            [this](const Result<HttpReply>& reply) { on_asked(reply); });
}

void S3Bucket::on_asked(const Result<HttpReply>& reply) {
  if (reply) return found("there");
  if (reply.error().code != ErrorCode::not_found) return retry(reply.error());
  make();
}

void S3Bucket::make() {
  state_ = State::making;
  S3Call call{.method = "PUT", .name = "", .timeout = options_.timeout, .body = location_of(client_.settings())};
  if (call.body) call.payload_sha256 = sha256_hex(call.body->bytes);
  call.urgent = true;
  operation_ = client_.call(std::move(call), [this](const Result<HttpReply>& reply) { on_made(reply); });
}

void S3Bucket::on_made(const Result<HttpReply>& reply) {
  if (reply) return found("made");
  if (reply.error().message.find("BucketAlreadyOwnedByYou") != std::string::npos) return found("there");
  retry(reply.error());
}

void S3Bucket::found(const char* how) {
  state_ = State::there;
  failures_ = 0;
  last_failure_.clear();
  operation_.reset();
  log_info("store_ready",
           {{"server", client_.settings().endpoint}, {"bucket", client_.settings().bucket}, {"bucket_is", how}});
}

void S3Bucket::retry(const Error& error) {
  state_ = State::waiting;
  operation_.reset();
  if (std::exchange(last_failure_, error.message) != error.message) log_warn("store_away", {{"cause", error.message}});
  retry_.start_after(policy::Backoff(options_.retry).delay(failures_++, {}, runtime_.random()));
}

}  // namespace tidegate::api
