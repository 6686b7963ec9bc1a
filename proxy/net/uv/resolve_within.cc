#include "net/uv/resolve_within.h"

#include <optional>

#include "net/timer.h"
#include "net/uv/uv_runtime.h"

namespace tidegate::net {

Result<std::vector<IpAddress>> resolve_within(const std::string& host, Duration bound) {
  UvRuntime runtime;
  std::optional<Result<std::vector<IpAddress>>> result;
  const auto resolving =
      runtime.resolve(host, [&](Result<std::vector<IpAddress>> found) { result = std::move(found); });
  Timer timer(runtime, [&] { result = Error{ErrorCode::timeout, "resolve " + host + ": no response in time"}; });
  timer.start_after(bound);
  while (!result) runtime.run_once();
  return *result;
}

}  // namespace tidegate::net
