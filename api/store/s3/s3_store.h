// An object store in a bucket of an S3 server (S3, MinIO, SeaweedFS, Garage). An upload reads the bytes of the object
// in place. Its SHA-256 is signed, so that the server rejects a body that was damaged on the way; large objects are
// hashed on a thread. Its CRC-32C is kept as metadata (x-amz-meta-crc32c), so that a damaged download is detected. S3
// makes an object visible as a whole.
//
// The server may be unavailable when the service starts: the bucket is checked and created once it responds.
#pragma once

#include <memory>
#include <string>

#include "api/store/object_store.h"
#include "api/store/s3/s3_bucket.h"
#include "api/store/s3/s3_client.h"
#include "optimizer/work/work_pool.h"

namespace tidegate::api {

struct S3StoreOptions {
  CurlLimits limits{};
  S3BucketOptions bucket{};
  Duration put_timeout = 30s;
  Duration get_timeout = 30s;
  Duration small_timeout = 5s;      // exists, remove
  Duration check_timeout = 1500ms;  // less than the 2 s of /ready
  size_t object_bytes_max = 256 << 20;
};

class S3Store final : public ObjectStore {
 public:
  // Error: invalid if this libcurl would block the event loop. The runtime must outlive the store, the store its
  // operations.
  static Result<std::unique_ptr<S3Store>> open(net::UvRuntime& runtime, S3Settings settings,
                                               const S3StoreOptions& options = {});

  std::unique_ptr<net::Operation> put(std::string name, ObjectPtr object, PutCallback done) override;
  std::unique_ptr<net::Operation> get(std::string name, GetCallback done) override;
  std::unique_ptr<net::Operation> exists(std::string name, ExistsCallback done) override;
  std::unique_ptr<net::Operation> remove(std::string name, PutCallback done) override;
  std::optional<std::string> presigned_url(const std::string& name, Duration valid_for) override;
  std::unique_ptr<net::Operation> check(PutCallback done) override;

  bool has_bucket() const { return bucket_.is_ready(); }
  size_t transfers() const { return client_.transfers(); }  // in progress

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
