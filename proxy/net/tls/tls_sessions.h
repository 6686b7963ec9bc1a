// Sessions that servers offer to continue, so that the next handshake with them is short. Thread-safe. Private to
// net/tls.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <string>

#include "net/tls/ssl_types.h"
#include "net/tls/tls_words.h"

namespace tidegate::net {

class TlsSessions {
 public:
  // `server`: whom it belongs to.
  void keep(const std::string& server, SslOwned<SSL_SESSION> session) {
    const std::lock_guard lock(mutex_);
    if (sessions_.size() >= kServersMax && !sessions_.contains(server)) sessions_.erase(sessions_.begin());
    auto& kept = sessions_[server];
    kept.push_back(std::move(session));
    if (kept.size() > kPerServerMax) kept.pop_front();
  }

  // The newest; null: none. Those of TLS 1.3 are for one use (RFC 8446 appendix C.4). A certificate is not verified
  // again with a session, so one that has expired meanwhile ends its sessions.
  SslOwned<SSL_SESSION> take(const std::string& server) {
    const std::lock_guard lock(mutex_);
    const auto found = sessions_.find(server);
    if (found == sessions_.end() || found->second.empty()) return nullptr;
    SslOwned<SSL_SESSION> session = std::move(found->second.back());
    found->second.pop_back();
    if (is_of_expired_certificate(session.get())) return nullptr;
    if (SSL_SESSION_get_protocol_version(session.get()) >= TLS1_3_VERSION) return session;
    SSL_SESSION_up_ref(session.get());
    found->second.emplace_back(session.get());
    return session;
  }

 private:
  static constexpr size_t kPerServerMax = 8;
  static constexpr size_t kServersMax = 1024;

  std::mutex mutex_;
  std::map<std::string, std::deque<SslOwned<SSL_SESSION>>> sessions_;
};

}  // namespace tidegate::net
