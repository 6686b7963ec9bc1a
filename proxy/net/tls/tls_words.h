// Why TLS failed, in the words of the log; and what names mean in certificates. Private to net/tls.
#pragma once

#include <openssl/ssl.h>

#include <string>
#include <string_view>

namespace tidegate::net {

// What a certificate must be for: an address, or a name, which is looked for in its alternative names only.
void expect_name(X509_VERIFY_PARAM* wanted, const std::string& name);

// After a call on `ssl` (null: of a client, and it is gone) has failed with SSL_ERROR_SSL. Empties the thread's error
// queue.
struct TlsFailure {
  std::string reason;
  bool refused_by_peer = false;  // its alert says that it does not want this connection, not that it has broken
};
TlsFailure describe_failure(const SSL* ssl);
// Of a fatal alert that the peer has sent.
TlsFailure describe_alert(const SSL* ssl, int alert);

// Of a certificate that has just been found wrong: in the callback of SSL_CTX_set_verify.
std::string describe_verification(const SSL* ssl, X509_STORE_CTX* verification);

// The first of the thread's errors, for what concerns no connection; empties the queue.
std::string first_ssl_error();

// Whether the peer's certificate, as it was verified when the session began, has expired.
bool is_of_expired_certificate(SSL_SESSION* session);

// "2026-11-29 17:00:00 UTC"
std::string show_time(const ASN1_TIME* time);

// The first byte that a peer sent, of which every TLS connection's is a handshake record or an alert.
bool is_tls_record(std::string_view bytes);

}  // namespace tidegate::net
