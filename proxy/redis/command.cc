#include "redis/command.h"

#include <hiredis/hiredis.h>

#include "base/assert.h"

namespace tidegate::redis {

Command::Command(const std::vector<std::string_view>& parts) {
  std::vector<const char*> starts;
  std::vector<size_t> sizes;
  for (const std::string_view part : parts) {
    starts.push_back(part.data());
    sizes.push_back(part.size());
  }
  const int size = redisFormatCommandArgv(&bytes_, static_cast<int>(parts.size()), starts.data(), sizes.data());
  TG_ASSERT(size > 0);  // it fails for want of memory alone
  size_ = static_cast<size_t>(size);
}

Command::~Command() { redisFreeCommand(bytes_); }

}  // namespace tidegate::redis
