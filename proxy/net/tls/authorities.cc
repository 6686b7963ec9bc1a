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

// Those that a context has. Whoever reads a file does so without the lock.
class KnownAuthorities {
 public:
  // Null: not as the file is.
  Authorities find(const std::string& path, const std::optional<FileState>& file) {
    const std::lock_guard lock(mutex_);
    const auto found = by_path_.find(path);
    return found != by_path_.end() && found->second.file == file ? found->second.authorities.lock() : nullptr;
  }
  void add(const std::string& path, const std::optional<FileState>& file, const Authorities& authorities) {
    const std::lock_guard lock(mutex_);
    std::erase_if(by_path_, [](const auto& read) { return read.second.authorities.expired(); });
    by_path_[path] = {file, authorities};
  }

 private:
  struct Read {
    std::optional<FileState> file;  // as it was
    std::weak_ptr<X509_STORE> authorities;
  };
  std::mutex mutex_;
  std::map<std::string, Read> by_path_;
};

std::string system_bundle() {
  const char* const named = std::getenv(X509_get_default_cert_file_env());
  return named ? named : X509_get_default_cert_file();
}

}  // namespace

Authorities read_authorities(const std::string& path) {
  static KnownAuthorities known;
  const std::optional<FileState> file = file_state(path.empty() ? system_bundle() : path);
  if (Authorities found = known.find(path, file)) return found;
  const Authorities made(X509_STORE_new(), X509_STORE_free);
  TG_ASSERT(made != nullptr);
  if (path.empty()) {
    X509_STORE_set_default_paths(made.get());
  } else if (X509_STORE_load_file(made.get(), path.c_str()) != 1) {
    return nullptr;
  }
  known.add(path, file, made);
  return made;
}

}  // namespace tidegate::net
