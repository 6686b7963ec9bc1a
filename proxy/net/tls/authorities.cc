#include "net/tls/authorities.h"

#include <openssl/x509_vfy.h>

#include <cstdlib>
#include <map>
#include <mutex>
#include <optional>

#include "base/assert.h"
#include "net/file_state.h"

namespace tidegate::net {

namespace {

// Those that a context has.
struct KnownAuthorities {
  struct Read {
    std::optional<FileState> file;  // as it was
    std::weak_ptr<X509_STORE> authorities;
  };
  std::mutex mutex;
  std::map<std::string, Read> by_path;
};

std::string system_bundle() {
  const char* const named = std::getenv(X509_get_default_cert_file_env());
  return named ? named : X509_get_default_cert_file();
}

}  // namespace

Authorities read_authorities(const std::string& path) {
  static KnownAuthorities known;
  const std::optional<FileState> file = file_state(path.empty() ? system_bundle() : path);
  const std::lock_guard lock(known.mutex);
  std::erase_if(known.by_path, [](const auto& read) { return read.second.authorities.expired(); });
  const auto found = known.by_path.find(path);
  if (found != known.by_path.end() && found->second.file == file) {
    if (Authorities authorities = found->second.authorities.lock()) return authorities;
  }
  const Authorities made(X509_STORE_new(), X509_STORE_free);
  TG_ASSERT(made != nullptr);
  if (path.empty()) {
    X509_STORE_set_default_paths(made.get());
  } else if (X509_STORE_load_file(made.get(), path.c_str()) != 1) {
    return nullptr;
  }
  known.by_path[path] = {file, made};
  return made;
}

}  // namespace tidegate::net
