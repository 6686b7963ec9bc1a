// Signed requests to an S3 server, and what its answers mean. Belongs to its loop.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "api/settings.h"
#include "api/store/curl_multi.h"
#include "api/store/s3_sign.h"

namespace tidegate::api {

struct S3Call {
  std::string method;
  std::string name;  // of the object; "": the bucket itself
  Duration timeout;
  ObjectPtr body = nullptr;                     // PUT
  std::string payload_sha256 = sha256_hex("");  // of the body's bytes
  std::map<std::string, std::string> fields{};  // to sign and send besides, by lower-case names
  size_t reply_bytes_max = 0;
  const char* field_wanted = nullptr;
  bool urgent = false;
};

class S3Client {
 public:
  using Callback = std::function<void(Result<HttpReply>)>;

  // The runtime outlives the client, the client its operations.
  S3Client(net::UvRuntime& runtime, S3Settings settings, const CurlLimits& limits);

  // The callback runs later, once, with a 2xx or an error, whose message has the server's own code ("AccessDenied"),
  // never a secret. Errors: those of CurlMulti, and not_found (404), exhausted (the server has no space), unavailable.
  [[nodiscard]] std::unique_ptr<net::Operation> call(S3Call call, Callback done);
  std::string presigned_url(const std::string& name, Duration valid_for) const;

  // Called before those who are told so, when the server says that the bucket is not there.
  void on_bucket_missing(std::function<void()> missing) { on_bucket_missing_ = std::move(missing); }
  const S3Settings& settings() const { return settings_; }
  size_t transfers() const { return curl_.transfers(); }

 private:
  std::string path_of(const std::string& name) const;

  net::UvRuntime& runtime_;
  const S3Settings settings_;
  const S3Keys keys_;
  const std::string host_;
  std::function<void()> on_bucket_missing_;
  CurlMulti curl_;
};

// What an answer other than 2xx means. The body is S3's <Error><Code>…</Code><Message>…</Message></Error>, or anything.
Error s3_error(const std::string& what, const HttpReply& reply);

}  // namespace tidegate::api
