// How to reach a bucket of an S3 server. https:// is verified TLS. Objects are addressed as ENDPOINT/BUCKET/NAME (path
// style).
#pragma once

#include <string>

namespace tidegate::api {

struct S3Settings {
  std::string endpoint;  // "http://minio:9000", without a trailing slash
  std::string bucket;    // created if it does not exist
  std::string region;    // "us-east-1"
  std::string access_key;
  std::string secret_key;
};

}  // namespace tidegate::api
