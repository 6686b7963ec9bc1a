// Signed requests to an S3 server, and the errors that its responses mean. For the event loop's thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "api/store/curl/curl_multi.h"
#include "api/store/s3/s3_settings.h"
#include "api/store/s3/s3_sign.h"

namespace tidegate::api {

struct S3Call {
  std::string method;
  std::string name;  // of the object; "": the bucket itself
  Duration timeout;
  ObjectPtr body = nullptr;                     // PUT
  std::string payload_sha256 = sha256_hex("");  // of the body
  std::map<std::string, std::string> fields{};  // further headers to sign and send, by lower-case names
  size_t reply_bytes_max = 0;
  const char* field_wanted = nullptr;
  bool urgent = false;
};

class S3Client {
 public:
  using Callback = std::function<void(Result<HttpReply>)>;

  // The runtime must outlive the client, the client its operations.
  S3Client(net::UvRuntime& runtime, S3Settings settings, const CurlLimits& limits);

  // The callback runs later, once, with a 2xx response or an error. The message of an error contains the server's code
  // ("AccessDenied") and never a secret. Errors: those of CurlMulti, not_found (404), exhausted (the server has no
  // space), unavailable.
  [[nodiscard]] std::unique_ptr<net::Operation> call(S3Call call, Callback done);
  std::string presigned_url(const std::string& name, Duration valid_for) const;

  // Sets what is called when a response says that the bucket does not exist, before the callback of that operation.
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

// The error of a response other than 2xx. The body may be S3's <Error><Code>…</Code><Message>…</Message></Error>.
Error s3_error(const std::string& what, const HttpReply& reply);

}  // namespace tidegate::api
