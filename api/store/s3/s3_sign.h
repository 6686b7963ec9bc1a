// AWS Signature Version 4 for S3, as an Authorization header and as a presigned URL. Pure: the time is an
// argument. https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace tidegate::api {

struct S3Keys {
  std::string access_key;
  std::string secret_key;
  std::string region;
};

struct S3Target {
  std::string method;
  std::string host;   // as in the Host header
  std::string path;   // encoded; object names need no encoding
  std::string query;  // canonical: encoded and sorted, "name=value&name="
};

// 64 hexadecimal digits.
std::string sha256_hex(std::string_view bytes);

// The headers of a signed request, as "Name: value": x-amz-date, x-amz-content-sha256, `more` and Authorization.
// `more`: further headers to sign and send, by their lower-case names.
std::vector<std::string> s3_signed_fields(const S3Keys& keys, const S3Target& target, const std::string& payload_sha256,
                                          std::map<std::string, std::string> more, WallTime now);

// The query of a URL with which anyone may make this request, with any payload, for `valid_for` (whole seconds, at most
// 7 days). REQUIRES a target without a query.
std::string s3_presigned_query(const S3Keys& keys, const S3Target& target, Duration valid_for, WallTime now);

}  // namespace tidegate::api
