// The object store in a bucket of an S3 server (S3 itself, MinIO, SeaweedFS, Garage). Uploads are sent from the
// object's own bytes; their true SHA-256 is signed, so that the server refuses what was damaged on the way (large ones
// are hashed on a thread), and their CRC-32C is kept with them (x-amz-meta-crc32c), so that a damaged download is told
// from a whole one. An object appears whole or not at all, as S3 has it.
//
// A server that is away when the service starts is no error: the bucket is looked for, and made, when it comes.
#pragma once

#include <memory>
#include <string>

#include "api/store/object_store.h"
#include "api/store/s3_bucket.h"
#include "api/store/s3_client.h"
#include "optimizer/work_pool.h"

namespace tidegate::api {

struct S3StoreOptions {
  CurlLimits limits{};
  S3BucketOptions bucket{};
  Duration put_timeout = 30s;
  Duration get_timeout = 30s;
  Duration small_timeout = 5s;      // exists, remove
  Duration check_timeout = 1500ms;  // below the two seconds of /ready
  size_t object_bytes_max = 256 << 20;
};

class S3Store final : public ObjectStore {
 public:
  // Errors: invalid: this libcurl would block the loop. The runtime outlives the store, the store its operations.
  static Result<std::unique_ptr<S3Store>> open(net::UvRuntime& runtime, S3Settings settings,
                                               const S3StoreOptions& options = {});

  std::unique_ptr<net::Operation> put(std::string name, ObjectPtr object, PutCallback done) override;
  std::unique_ptr<net::Operation> get(std::string name, GetCallback done) override;
  std::unique_ptr<net::Operation> exists(std::string name, ExistsCallback done) override;
  std::unique_ptr<net::Operation> remove(std::string name, PutCallback done) override;
  std::optional<std::string> presigned_url(const std::string& name, Duration valid_for) override;
  std::unique_ptr<net::Operation> check(PutCallback done) override;

  bool has_bucket() const { return bucket_.is_there(); }
  size_t transfers() const { return client_.transfers(); }  // under way now

 private:
  class Put;

  S3Store(net::UvRuntime& runtime, S3Settings settings, const S3StoreOptions& options);

  net::UvRuntime& runtime_;
  const S3StoreOptions options_;
  optimizer::WorkPool pool_;
  S3Client client_;
  S3Bucket bucket_;
};

}  // namespace tidegate::api
