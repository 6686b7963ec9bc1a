#include "api/store/s3/s3_client.h"

#include <utility>

#include <fmt/format.h>

namespace tidegate::api {

namespace {

constexpr size_t kMessageBytesMax = 200;
constexpr std::string_view kNoSuchBucket = "NoSuchBucket";

// The Host header as curl sends it: without the scheme, and without the default port of the scheme.
std::string host_of(const std::string& endpoint) {
  std::string host = endpoint.substr(endpoint.find("://") + 3);
  const std::string_view default_port = endpoint.starts_with("https://") ? ":443" : ":80";
  if (host.ends_with(default_port)) host.resize(host.size() - default_port.size());
  return host;
}

std::string_view element(std::string_view body, const std::string& name) {
  const std::string open = "<" + name + ">";
  const size_t begin = body.find(open);
  if (begin == std::string_view::npos) return "";
  const size_t end = body.find("</" + name + ">", begin);
  if (end == std::string_view::npos) return "";
  return body.substr(begin + open.size(), end - begin - open.size()).substr(0, kMessageBytesMax);
}

ErrorCode code_of(long status, std::string_view code) {
  if (status == 404) return code == kNoSuchBucket ? ErrorCode::unavailable : ErrorCode::not_found;
  if (status == 507 || status == 413 || code.ends_with("StorageFull") || code.find("Quota") != std::string_view::npos) {
    return ErrorCode::exhausted;
  }
  return ErrorCode::unavailable;
}

}  // namespace

Error s3_error(const std::string& what, const HttpReply& reply) {
  const std::string_view code = element(reply.body, "Code");
  const std::string_view message = element(reply.body, "Message");
  return {code_of(reply.status, code), fmt::format("{}: {}{}{}{}{}", what, reply.status, code.empty() ? "" : " ", code,
                                                   message.empty() ? "" : ": ", message)};
}

S3Client::S3Client(net::UvRuntime& runtime, S3Settings settings, const CurlLimits& limits)
    : runtime_(runtime),
      settings_(std::move(settings)),
      keys_{settings_.access_key, settings_.secret_key, settings_.region},
      host_(host_of(settings_.endpoint)),
      curl_(runtime, limits) {}

std::string S3Client::path_of(const std::string& name) const {
  return "/" + settings_.bucket + (name.empty() ? "" : "/" + name);
}

std::unique_ptr<net::Operation> S3Client::call(S3Call call, Callback done) {
  const S3Target target{call.method, host_, path_of(call.name), ""};
  HttpCall http;
  http.method = std::move(call.method);
  http.url = settings_.endpoint + target.path;
  http.fields = s3_signed_fields(keys_, target, call.payload_sha256, std::move(call.fields), runtime_.wall_now());
  http.fields.push_back("Host: " + host_);
  http.body = std::move(call.body);
  http.reply_bytes_max = call.reply_bytes_max;
  http.timeout = call.timeout;
  http.field_wanted = call.field_wanted;
  http.urgent = call.urgent;
  std::string what = http.method + " " + http.url;
  return curl_.start(std::move(http), [this, what = std::move(what), done = std::move(done)](Result<HttpReply> reply) {
    if (!reply || reply->status / 100 == 2) return done(std::move(reply));
    if (element(reply->body, "Code") == kNoSuchBucket && on_bucket_missing_) on_bucket_missing_();
    done(s3_error(what, *reply));
  });
}

std::string S3Client::presigned_url(const std::string& name, Duration valid_for) const {
  const S3Target target{"GET", host_, path_of(name), ""};
  return settings_.endpoint + target.path + "?" + s3_presigned_query(keys_, target, valid_for, runtime_.wall_now());
}

}  // namespace tidegate::api
