#include "net/uv/descriptors.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/assert.h"

namespace tidegate::net {

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}

Descriptor Descriptor::duplicate() const { return Descriptor(::fcntl(number_, F_DUPFD_CLOEXEC, 0)); }

uint64_t raise_descriptor_limit() {
  rlimit limit{};
  TG_ASSERT(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  rlimit raised = limit;
  raised.rlim_cur = limit.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

}  // namespace tidegate::net
