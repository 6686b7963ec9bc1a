// The certificates, keys and rules of one side of TLS connections, from PEM files: of one upstream, of one listener.
// Thread-safe. A connection uses what the files contained when it began.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "net/file_state.h"
#include "net/tls/authorities.h"
#include "net/tls/ssl_types.h"
#include "net/tls/tls_config.h"
#include "net/tls/tls_sessions.h"

namespace tidegate::net {

enum class TlsFile : uint8_t { ca, cert, key };

// A file that cannot be used, and why.
struct TlsFileProblem {
  TlsFile file;
  std::string what;
};

// Why no connection begins where the files cannot be used.
inline constexpr const char* kTlsFilesUnusable = "TLS: our own files cannot be used; see tls_files_refused";

// What the files contained at one time, and the sessions that began with that: no session goes on under other files.
struct TlsGeneration {
  Authorities authorities;  // of the context, so that another can share them; null: it has none
  SslOwned<SSL_CTX> context;
  TlsSessions sessions;
};

class TlsContext {
 public:
  enum class Alpn : uint8_t { none, http };  // what is spoken over TLS

  // Never null: where `problems` says what is wrong with the files, there is no generation before a refresh makes one.
  static std::shared_ptr<TlsContext> for_clients(const TlsServerConfig& config, std::vector<TlsFileProblem>& problems);
  static std::shared_ptr<TlsContext> for_servers(const TlsClientConfig& config, Alpn alpn,
                                                 std::vector<TlsFileProblem>& problems);
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // Reads the files again where they have changed and lie still (they are as they were at the last call), or could not
  // be used the last time. Where they cannot be used, what was read before stays in force. Called at intervals, by one
  // thread.
  enum class Refresh : uint8_t { unchanged, reloaded, refused };
  Refresh refresh(std::vector<TlsFileProblem>& problems);

  bool is_for_clients(const TlsServerConfig& config) const;
  bool is_for_servers(const TlsClientConfig& config, Alpn alpn) const;
  // Of our own certificate; none: there is none.
  std::optional<WallTime> valid_until() const;

  // Null: the files could not be used so far.
  std::shared_ptr<TlsGeneration> current() const;

 private:
  struct Rules {
    bool server = false;
    Alpn alpn = Alpn::http;
    std::string ca_file, cert_file, key_file;
    TlsVersion min_version = TlsVersion::v1_2;
    friend bool operator==(const Rules&, const Rules&) = default;
  };
  static Rules rules_of(const TlsServerConfig& config);
  static Rules rules_of(const TlsClientConfig& config, Alpn alpn);
  using FileStates = std::vector<std::optional<FileState>>;

  explicit TlsContext(Rules rules) : rules_(std::move(rules)) {}
  static std::shared_ptr<TlsContext> load(Rules rules, std::vector<TlsFileProblem>& problems);
  bool read_files(std::vector<TlsFileProblem>& problems);
  // Null: the files cannot be used.
  std::shared_ptr<TlsGeneration> make_generation(std::vector<TlsFileProblem>& problems) const;
  FileStates file_states() const;

  const Rules rules_;
  mutable std::mutex mutex_;
  std::shared_ptr<TlsGeneration> current_;
  FileStates read_;       // as they were when they were last read
  FileStates seen_;       // at the last look
  bool refused_ = false;  // what was last read
};

// Why `path` should not be used as a key as it is; "": it may.
std::string key_file_concern(const std::string& path);

}  // namespace tidegate::net
