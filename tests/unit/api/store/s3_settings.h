// The settings of a new bucket on the shared MinIO server.
#pragma once

#include "api/store/s3/s3_settings.h"
#include "support/minio_server.h"

namespace tidegate::api::test {

inline S3Settings new_bucket_settings() {
  using tidegate::test::MinioServer;
  return {MinioServer::shared().url(), MinioServer::new_bucket(), "us-east-1", MinioServer::kAccessKey,
          MinioServer::kSecretKey};
}

}  // namespace tidegate::api::test
