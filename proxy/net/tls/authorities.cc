#include "net/tls/authorities.h"

#include <openssl/x509_vfy.h>

#include <cstdlib>
#include <map>
#include <mutex>
#include <optional>
#include <sstream>
#include <vector>

#include "base/assert.h"
#include "net/file_state.h"

namespace tidegate::net {

namespace {

using Sources = std::vector<std::optional<FileState>>;

// Those that a context has. Whoever reads a file does so without the lock.
class KnownAuthorities {
 public:
  // Null: none is known that was read from these sources as they are now.
  Authorities find(const std::string& path, const Sources& sources) {
    const std::lock_guard lock(mutex_);
    const auto found = by_path_.find(path);
    return found != by_path_.end() && found->second.sources == sources ? found->second.authorities.lock() : nullptr;
  }
  void add(const std::string& path, const Sources& sources, const Authorities& authorities) {
    const std::lock_guard lock(mutex_);
    std::erase_if(by_path_, [](const auto& read) { return read.second.authorities.expired(); });
    by_path_[path] = {sources, authorities};
  }

 private:
  struct Read {
    Sources sources;  // as they were
    std::weak_ptr<X509_STORE> authorities;
  };
  std::mutex mutex_;
  std::map<std::string, Read> by_path_;
};

std::string named_or(const char* variable, const char* otherwise) {
  const char* const named = std::getenv(variable);
  return named ? named : otherwise;
}

// The system's bundle, and its folders: OpenSSL keeps what it has once found in one of them.
Sources system_sources() {
  Sources sources = {file_state(named_or(X509_get_default_cert_file_env(), X509_get_default_cert_file()))};
  std::istringstream folders(named_or(X509_get_default_cert_dir_env(), X509_get_default_cert_dir()));
  for (std::string folder; std::getline(folders, folder, ':');) sources.push_back(file_state(folder));
  return sources;
}

}  // namespace

Authorities read_authorities(const std::string& path) {
  static KnownAuthorities known;
  const Sources sources = path.empty() ? system_sources() : Sources{file_state(path)};
  if (Authorities found = known.find(path, sources)) return found;
  const Authorities made(X509_STORE_new(), X509_STORE_free);
  TG_ASSERT(made != nullptr);
  if (path.empty()) {
    X509_STORE_set_default_paths(made.get());
  } else if (X509_STORE_load_file(made.get(), path.c_str()) != 1) {
    return nullptr;
  }
  known.add(path, sources, made);
  return made;
}

}  // namespace tidegate::net
