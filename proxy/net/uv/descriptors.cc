#include "net/uv/descriptors.h"

#include <sys/resource.h>

#include "base/assert.h"

namespace tidegate::net {

uint64_t raise_descriptor_limit() {
  rlimit limit{};
  TG_ASSERT(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  rlimit raised = limit;
  raised.rlim_cur = limit.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

}  // namespace tidegate::net
