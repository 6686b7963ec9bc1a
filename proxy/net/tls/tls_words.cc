#include "net/tls/tls_words.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <vector>

#include "base/assert.h"
#include "base/ip.h"
#include "net/tls/ssl_types.h"

namespace tidegate::net {

namespace {

constexpr size_t kNamesShown = 5;
constexpr char kHandshakeRecord = 22;
constexpr char kAlertRecord = 21;

bool is_server(const SSL* ssl) { return ssl && SSL_is_server(ssl); }

const char* peers_name(const SSL* ssl) { return is_server(ssl) ? "client" : "server"; }

std::string name_of(const GENERAL_NAME* name) {
  if (name->type == GEN_DNS) {
    const auto* bytes = reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName));
    return {bytes, static_cast<size_t>(ASN1_STRING_length(name->d.dNSName))};
  }
  if (name->type != GEN_IPADD) return "";
  const unsigned char* bytes = ASN1_STRING_get0_data(name->d.iPAddress);
  if (ASN1_STRING_length(name->d.iPAddress) == 4) {
    return fmt::format("{}.{}.{}.{}", bytes[0], bytes[1], bytes[2], bytes[3]);
  }
  return "an IPv6 address";
}

// What the certificate is for: "a.example, 10.0.0.7".
std::string names_of(X509* certificate) {
  std::string names;
  size_t count = 0;
  auto* all = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(all) && count < kNamesShown; ++i) {
    const std::string name = name_of(sk_GENERAL_NAME_value(all, i));
    if (name.empty()) continue;
    names += (names.empty() ? "" : ", ") + name;
    ++count;
  }
  GENERAL_NAMES_free(all);
  return names.empty() ? "no name" : names;
}

std::string issuer_of(X509* certificate) {
  char text[200] = "";
  X509_NAME_get_text_by_NID(X509_get_issuer_name(certificate), NID_commonName, text, sizeof(text));
  return text[0] != '\0' ? text : "an unnamed authority";
}

std::string wanted_name(X509_STORE_CTX* verification) {
  X509_VERIFY_PARAM* const wanted = X509_STORE_CTX_get0_param(verification);
  if (const char* host = X509_VERIFY_PARAM_get0_host(wanted, 0)) return host;
  char* const address = X509_VERIFY_PARAM_get1_ip_asc(wanted);
  const std::string text = address ? address : "the address";
  OPENSSL_free(address);
  return text;
}

// No authority that is trusted has signed it, nor what leads to it.
bool is_untrusted(int error) {
  return error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT || error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
         error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE || error == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN;
}

std::string what_is_wrong(X509_STORE_CTX* verification, X509* certificate) {
  const int error = X509_STORE_CTX_get_error(verification);
  if (is_untrusted(error)) {
    return fmt::format("is signed by an authority that is not trusted ({})", issuer_of(certificate));
  }
  switch (error) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return fmt::format("is for {}, not for {}", names_of(certificate), wanted_name(verification));
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return fmt::format("has expired (valid until {})", show_time(X509_get0_notAfter(certificate)));
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return fmt::format("is not valid yet (from {})", show_time(X509_get0_notBefore(certificate)));
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: return "is self-signed, and not one that is trusted";
    default: return fmt::format("is not valid: {}", X509_verify_cert_error_string(error));
  }
}

// Alerts of a peer that does not want the connection. "": any other.
std::string_view refusing_alert(int alert, bool from_client) {
  switch (alert) {
    case SSL_AD_HANDSHAKE_FAILURE: return "has no TLS version, cipher or certificate in common with us, or misses ours";
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE: return "refuses our certificate";
    case SSL_AD_CERTIFICATE_REVOKED: return "says that our certificate is revoked";
    case SSL_AD_CERTIFICATE_EXPIRED: return "says that our certificate has expired";
    case SSL_AD_CERTIFICATE_UNKNOWN: return "does not accept our certificate";
    case SSL_AD_UNKNOWN_CA: return "does not trust the authority that signed our certificate";
    case SSL_AD_ACCESS_DENIED: return "denies access";
    case SSL_AD_PROTOCOL_VERSION: return "does not speak a TLS version that we do";
    case SSL_AD_INSUFFICIENT_SECURITY: return "wants stronger ciphers than we have";
    case SSL_AD_UNRECOGNIZED_NAME: return "does not know the name that we connect to";
    case SSL_AD_CERTIFICATE_REQUIRED: return from_client ? "" : "requires a client certificate";
    case SSL_AD_NO_APPLICATION_PROTOCOL: return "does not speak HTTP/1.1 here";
    default: return "";
  }
}

}  // namespace

void expect_name(X509_VERIFY_PARAM* wanted, const std::string& name) {
  if (IpAddress::parse(name)) {
    TG_ASSERT(X509_VERIFY_PARAM_set1_ip_asc(wanted, name.c_str()) == 1);
    return;
  }
  X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  TG_ASSERT(X509_VERIFY_PARAM_set1_host(wanted, name.c_str(), name.size()) == 1);
}

TlsFailure describe_alert(const SSL* ssl, int alert) {
  const std::string_view refusal = refusing_alert(alert, is_server(ssl));
  if (!refusal.empty()) return {fmt::format("the {} {}", peers_name(ssl), refusal), true};
  return {fmt::format("the {} ended TLS with the alert: {}", peers_name(ssl), SSL_alert_desc_string_long(alert)),
          false};
}

TlsFailure describe_failure(const SSL* ssl) {
  const unsigned long first = ERR_peek_error();
  unsigned long code = ERR_get_error();
  while (code != 0 && ERR_GET_LIB(code) != ERR_LIB_SSL) code = ERR_get_error();  // a part of it comes before it
  ERR_clear_error();
  if (code == 0) {
    const char* const text = first == 0 ? nullptr : ERR_reason_error_string(first);
    return {fmt::format("TLS failed: {}", text ? text : "for an unknown reason")};
  }
  const int reason = ERR_GET_REASON(code);
  if (reason > SSL_AD_REASON_OFFSET && reason <= SSL_AD_REASON_OFFSET + 255) {
    return describe_alert(ssl, reason - SSL_AD_REASON_OFFSET);
  }
  switch (reason) {
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: return {"the client sent no certificate"};
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_WRONG_SSL_VERSION:
    case SSL_R_VERSION_TOO_LOW: return {fmt::format("the {} does not speak a TLS version that we do", peers_name(ssl))};
    case SSL_R_NO_SHARED_CIPHER: return {fmt::format("the {} has no cipher in common with us", peers_name(ssl))};
    default: break;
  }
  const char* const text = ERR_reason_error_string(code);
  return {fmt::format("the {} does not keep to TLS: {}", peers_name(ssl), text ? text : "an unknown error")};
}

std::string describe_verification(const SSL* ssl, X509_STORE_CTX* verification) {
  X509* const certificate = X509_STORE_CTX_get_current_cert(verification);
  const int error = X509_STORE_CTX_get_error(verification);
  const bool of_authority = X509_STORE_CTX_get_error_depth(verification) > 0 && !is_untrusted(error);
  const char* const which = of_authority ? " authority's" : "";
  if (!certificate) return fmt::format("the {}'s certificate cannot be verified", peers_name(ssl));
  return fmt::format("the {}'s{} certificate {}", peers_name(ssl), which, what_is_wrong(verification, certificate));
}

bool is_of_expired_certificate(SSL_SESSION* session) {
  const X509* const certificate = SSL_SESSION_get0_peer(session);
  return certificate && X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0;
}

std::string first_ssl_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* const text = code == 0 ? nullptr : ERR_reason_error_string(code);
  return text ? text : "unknown error";
}

std::string show_time(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return "an unknown time";
  char text[64];
  std::strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &parts);
  return text;
}

bool is_tls_record(std::string_view bytes) {
  return !bytes.empty() && (bytes.front() == kHandshakeRecord || bytes.front() == kAlertRecord);
}

}  // namespace tidegate::net
