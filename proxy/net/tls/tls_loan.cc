#include "net/tls/tls_loan.h"

#include <openssl/err.h>
#include <poll.h>

#include <utility>

#include "base/assert.h"
#include "base/host_name.h"
#include "base/ip.h"
#include "net/tls/tls_words.h"

namespace tidegate::net {

namespace {

constexpr int kAlertMask = 0xff;

TlsLoan* loan_of(const SSL* ssl) { return static_cast<TlsLoan*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl))); }

// What was read from our files.
void copy(SSL_CTX* from, SSL_CTX& to) {
  SSL_CTX_set1_cert_store(&to, SSL_CTX_get_cert_store(from));
  TG_ASSERT(SSL_CTX_set1_param(&to, SSL_CTX_get0_param(from)) == 1);
  SSL_CTX_set_min_proto_version(&to, static_cast<int>(SSL_CTX_get_min_proto_version(from)));
  SSL_CTX_set_options(&to, SSL_CTX_get_options(from));
  X509* const certificate = SSL_CTX_get0_certificate(from);
  if (!certificate) return;
  TG_ASSERT(SSL_CTX_use_certificate(&to, certificate) == 1);
  STACK_OF(X509)* chain = nullptr;
  SSL_CTX_get0_chain_certs(from, &chain);
  TG_ASSERT(SSL_CTX_set1_chain(&to, chain) == 1);
  TG_ASSERT(SSL_CTX_use_PrivateKey(&to, SSL_CTX_get0_privatekey(from)) == 1);
}

}  // namespace

TlsLoan::TlsLoan(SSL_CTX& library, const TlsGeneration& lent, std::string server) : server_(without_final_dot(server)) {
  copy(lent.context.get(), library);
  expect_name(SSL_CTX_get0_param(&library), server_);
  SSL_CTX_set_app_data(&library, this);
  SSL_CTX_set_verify(&library, SSL_VERIFY_PEER, &on_verified);
  SSL_CTX_set_info_callback(&library, &on_event);
  SSL_CTX_set_cert_cb(&library, &on_certificate_wanted, this);
  ERR_clear_error();
}

int TlsLoan::on_verified(int good, X509_STORE_CTX* verification) {
  if (good) return good;
  const auto* ssl =
      static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx()));
  loan_of(ssl)->failure_ = describe_verification(ssl, verification);
  return good;
}

int TlsLoan::on_certificate_wanted(SSL*, void* self) {
  static_cast<TlsLoan*>(self)->asked_for_certificate_ = true;
  return 1;
}

void TlsLoan::await_verdict(int socket) const {
  if (!asked_for_certificate_ || !judged_later_) return;
  pollfd watched{socket, POLLIN, 0};
  static_cast<void>(::poll(&watched, 1, static_cast<int>(ceil_ms(kJudgedWithin))));
}

// The library sends the address that it connects to as SNI.
void TlsLoan::on_event(const SSL* ssl, int where, int value) {
  TlsLoan& loan = *loan_of(ssl);
  if ((where & SSL_CB_HANDSHAKE_START) != 0) {
    loan.handshaking_ = true;
    const char* const name = IpAddress::parse(loan.server_) ? nullptr : loan.server_.c_str();
    SSL_set_tlsext_host_name(const_cast<SSL*>(ssl), name);
  }
  if ((where & SSL_CB_HANDSHAKE_DONE) != 0) {
    loan.handshaking_ = false;
    loan.judged_later_ = SSL_version(ssl) >= TLS1_3_VERSION;
  }
  const bool fatal = (where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && (value >> 8) == SSL3_AL_FATAL;
  if (fatal && loan.failure_.empty()) loan.failure_ = describe_alert(ssl, value & kAlertMask).reason;
}

std::string TlsLoan::take_failure() {
  handshaking_ = false;
  if (failure_.empty() && ERR_peek_error() != 0) failure_ = describe_failure(nullptr).reason;
  ERR_clear_error();
  const std::string failure = std::exchange(failure_, "");
  return failure.empty() ? "" : "TLS: " + failure;
}

}  // namespace tidegate::net
