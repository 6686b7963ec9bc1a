// Lends the certificates, key and rules of a TlsContext to a library that makes its TLS connections itself, on sockets
// of its own (librabbitmq): its connections then are verified as ours are, and fail in the same words.
//
// The library's SSL_CTX refers to this, so it is destroyed after that. One connection at a time; not thread-safe.
#pragma once

#include <memory>
#include <string>

#include "base/time.h"
#include "net/tls/ssl_types.h"
#include "net/tls/tls_context.h"

namespace tidegate::net {

class TlsLoan {
 public:
  // `server`: a name or an address: sent as SNI if it is a name, and what the certificate must be for.
  TlsLoan(SSL_CTX& library, const TlsGeneration& lent, std::string server);
  TlsLoan(const TlsLoan&) = delete;
  TlsLoan& operator=(const TlsLoan&) = delete;

  // The handshake has begun and is not complete.
  bool is_handshaking() const { return handshaking_; }
  // After the handshake on `socket`, and before anything is sent: in TLS 1.3 a server judges our certificate only now,
  // and says nothing where it accepts it. Where it has asked for one, this waits for its refusal, for kJudgedWithin.
  void await_verdict(int socket) const;
  static constexpr Duration kJudgedWithin = std::chrono::milliseconds(20);
  // Why the handshake, or the connection by an alert, has failed since the last call, as in "TLS: the server requires
  // a client certificate". "": not by TLS, as far as is known. No handshake is under way any more. Empties the thread's
  // error queue of OpenSSL.
  std::string take_failure();

 private:
  static int on_verified(int good, X509_STORE_CTX* verification);
  static int on_certificate_wanted(SSL* ssl, void* self);
  static void on_event(const SSL* ssl, int where, int value);

  const std::string server_;
  std::string failure_;
  bool handshaking_ = false;
  bool asked_for_certificate_ = false;  // by the server
  bool judged_later_ = false;           // by the version that was agreed on
};

}  // namespace tidegate::net
