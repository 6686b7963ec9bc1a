// One TLS connection without the network: bytes of the peer go in, bytes for the peer come out, by OpenSSL on BIOs in
// memory. It never waits: what it wants to send is kept until flush(), which follows each call, since reading may
// produce output too (an alert, a new key). Private to net/tls; owned by a TlsHandshake, then by a TlsStream.
//
//   handshaking ──▶ established ──close_notify of the peer──▶ ended (its side; ours may go on)
//        └───── the peer breaks TLS, an alert ─────┴──▶ failed
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/stream.h"
#include "net/tls/tls_context.h"

namespace tidegate::net {

// The server that a client connects to.
struct TlsServerName {
  std::string name;     // a name or an address: what its certificate must be for
  std::string session;  // its sessions are kept under this: whatever else distinguishes it
};

class TlsEngine {
 public:
  TlsEngine(std::shared_ptr<TlsGeneration> generation, const TlsServerName& server);  // as its client
  explicit TlsEngine(std::shared_ptr<TlsGeneration> generation);                      // as a server
  TlsEngine(const TlsEngine&) = delete;
  TlsEngine& operator=(const TlsEngine&) = delete;

  // Bytes of the peer. They are used by the calls that follow, and must live until keep_rest(), which copies what none
  // of them has used.
  void feed(std::string_view bytes);
  void keep_rest();
  // Bytes are kept, or decrypted and not read.
  bool has_input() const;
  // The peer has sent close_notify, though perhaps behind bytes that are not read yet.
  bool has_ended() const { return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }
  bool has_failed() const { return failed_; }

  enum class Step : uint8_t {
    done,
    wants_bytes,  // of the peer
    ended,        // the peer has sent close_notify
    failed,       // failure() says why; nothing else may be done but flush(), which may have an alert for the peer
  };
  Step handshake();
  // As a client, after the handshake: in TLS 1.3 the server judges our certificate after that, and says nothing where
  // it accepts it, unless it sends a session.
  bool is_judged_later() const {
    return asked_for_certificate_ && !judged_ && SSL_version(ssl_.get()) >= TLS1_3_VERSION;
  }
  // Takes what has come since. `wants_bytes`: nothing for the user yet.
  Step look();
  // Fills `into` as far as there is something; `count` is how far. What was read comes before an end or a failure.
  Step read(std::span<char> into, size_t& count);
  // All of it, in as few records as it fits in. REQUIRES a complete handshake.
  Step write(std::span<const std::string_view> pieces);
  void send_close_notify();
  // TLS 1.3: we take a new key, and ask the peer to do the same.
  void ask_for_new_key();

  // Sends what there is for the peer; how many bytes that were.
  size_t flush(Stream& below);
  std::string take_output();

  // `refused`: the peer refused the connection as a whole, and has used nothing that was sent over it.
  const Error& failure() const { return failure_; }
  bool was_resumed() const { return SSL_session_reused(ssl_.get()) == 1; }
  const char* version() const { return SSL_get_version(ssl_.get()); }

  // For SSL_CTX_sess_set_new_cb, SSL_CTX_set_cert_cb and SSL_CTX_set_verify.
  static int on_new_session(SSL* ssl, SSL_SESSION* session);
  static int on_certificate_wanted(SSL* ssl, void* unused);
  static int on_verified(int good, X509_STORE_CTX* verification);

 private:
  static const BIO_METHOD* memory();
  static int take_input(BIO* bio, char* into, int size);
  static int add_output(BIO* bio, const char* bytes, int size);
  static long control(BIO* bio, int command, long number, void* pointer);

  void begin();
  void give_back_output();
  Step step_after(int result);
  Step write_some(std::string_view bytes);

  const std::shared_ptr<TlsGeneration> generation_;
  SslOwned<SSL> ssl_;
  std::string session_key_;
  std::string_view input_;  // of the peer, not used yet: in the caller's bytes, or in kept_
  std::string kept_;
  std::string output_;                  // for the peer; its memory is lent by the thread
  bool read_any_ = false;               // of what the peer sent after the handshake
  bool asked_for_certificate_ = false;  // by the server
  bool judged_ = false;                 // it has sent a session
  std::string wrong_certificate_;       // the peer's; "" = none is known to be wrong
  bool failed_ = false;
  Error failure_{ErrorCode::reset, ""};
};

}  // namespace tidegate::net
