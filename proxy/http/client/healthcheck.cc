#include "http/client/healthcheck.h"

#include <cstdio>

#include "http/client/fetch.h"
#include "net/uv/uv_runtime.h"

namespace tidegate::http {

int healthcheck(const char* program, const std::string& address, const std::string& target) {
  net::UvRuntime runtime;
  int code = kExitUnhealthy;
  FetchRequest request;
  request.host = address;
  request.target = target;
  request.timeout = 2s;
  const auto fetching = fetch(runtime, std::move(request), [&](Result<FetchResponse> response) {
    if (response) {
      std::printf("%s%s", response->body.c_str(), response->body.ends_with('\n') ? "" : "\n");
      if (response->status == 200) code = kExitHealthy;
    } else {
      std::fprintf(stderr, "%s: %s: %s\n", program, address.c_str(), response.error().message.c_str());
    }
    runtime.stop();
  });
  runtime.run();
  return code;
}

}  // namespace tidegate::http
