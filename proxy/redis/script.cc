#include <openssl/evp.h>

#include <array>

#include "base/assert.h"
#include "base/ids.h"
#include "redis/client.h"

namespace tidegate::redis {

Script::Script(std::string source) : source_(std::move(source)) {
  std::array<uint8_t, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  TG_ASSERT(EVP_Digest(source_.data(), source_.size(), digest.data(), &size, EVP_sha1(), nullptr) == 1);
  sha1_ = to_hex(digest.data(), size);
}

}  // namespace tidegate::redis
