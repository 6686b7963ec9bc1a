// The requests of this service to Tidegate, which proxies the optimizer: the response is a picture, an error, or the
// promise of a job.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "http/client/fetch.h"
#include "net/runtime.h"

namespace tidegate::api {

struct OptimizeCall {
  std::string key;
  std::string text;
  std::string position;
  std::string client_ip;
  std::string content_type;
  std::string image;
  std::string image_url;  // from which a job fetches the image (Tidegate-Body-Ref); "": jobs keep the image itself
};

class TidegateClient {
 public:
  // The targets of `base` and `admin` have no trailing slash. The runtime must outlive the client.
  TidegateClient(net::Runtime& runtime, http::HttpUrl base, size_t response_bytes_max,
                 std::optional<http::HttpUrl> admin = std::nullopt)
      : runtime_(runtime), base_(std::move(base)), response_bytes_max_(response_bytes_max), admin_(std::move(admin)) {}

  std::unique_ptr<net::Operation> optimize(OptimizeCall call, http::FetchCallback done);
  // `path`: a job's URL ("/_jobs/…"). The response may be a whole picture.
  std::unique_ptr<net::Operation> get(const std::string& path, http::FetchCallback done);
  // Tidegate is available if it responds at all: to /health on the admin interface if that is configured, else to / on
  // the listener, whatever the status.
  std::unique_ptr<net::Operation> ping(http::FetchCallback done);

 private:
  http::FetchRequest request(const std::string& target, Duration timeout) const;

  net::Runtime& runtime_;
  const http::HttpUrl base_;
  const size_t response_bytes_max_;
  const std::optional<http::HttpUrl> admin_;
};

}  // namespace tidegate::api
