#include "net/tls/tls_context.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "base/assert.h"
#include "net/tls/tls_engine.h"
#include "net/tls/tls_words.h"

namespace tidegate::net {

namespace {

// Of TLS 1.2; those of 1.3 are all of this kind. A server that is old is still reached by the library's own list.
constexpr const char* kCiphersForClients = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr unsigned char kHttp[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

using Problems = std::vector<TlsFileProblem>;

bool can_read(const std::string& path, TlsFile file, Problems& problems) {
  if (::access(path.c_str(), R_OK) == 0) return true;
  problems.push_back({file, fmt::format("cannot read {}: {}", path, std::strerror(errno))});
  return false;
}

void add_problem(const std::string& path, TlsFile file, std::string_view what, Problems& problems) {
  problems.push_back({file, fmt::format("{} {} ({})", path, what, first_ssl_error())});
}

int choose_http(SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                unsigned int offered_size, void*) {
  const int found =
      SSL_select_next_proto(const_cast<unsigned char**>(chosen), size, kHttp, sizeof(kHttp), offered, offered_size);
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// Of a key that has one; the library's own way is to ask at the terminal.
int no_password(char*, int, int, void*) { return 0; }

// Of what a client brings to continue a session: not with a certificate that has expired meanwhile.
SSL_TICKET_RETURN take_ticket(SSL*, SSL_SESSION* session, const unsigned char*, size_t, SSL_TICKET_STATUS status,
                              void*) {
  const bool renew = status == SSL_TICKET_SUCCESS_RENEW;
  if ((status != SSL_TICKET_SUCCESS && !renew) || is_of_expired_certificate(session)) {
    return SSL_TICKET_RETURN_IGNORE_RENEW;
  }
  return renew ? SSL_TICKET_RETURN_USE_RENEW : SSL_TICKET_RETURN_USE;
}

void use_authorities(TlsGeneration& made, const std::string& path, Problems& problems) {
  SSL_CTX* const context = made.context.get();
  if (!can_read(path, TlsFile::ca, problems)) return;
  // One that is listed is trusted, whoever has signed it: an authority of an authority, or the certificate itself.
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
  made.authorities = read_authorities(path);
  if (made.authorities) return SSL_CTX_set1_cert_store(context, made.authorities.get());
  add_problem(path, TlsFile::ca, "cannot be used as certificates in PEM format", problems);
}

// The certificate first: a key that does not belong to it is found by the key.
void read_identity(SSL_CTX* context, const std::string& cert, const std::string& key, Problems& problems) {
  const bool readable = can_read(cert, TlsFile::cert, problems);
  if (!can_read(key, TlsFile::key, problems) || !readable) return;
  if (SSL_CTX_use_certificate_chain_file(context, cert.c_str()) != 1) {
    return add_problem(cert, TlsFile::cert, "cannot be used as a certificate chain in PEM format", problems);
  }
  ERR_clear_error();
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) == 1) return;
  const bool mismatch = ERR_GET_REASON(ERR_peek_error()) == X509_R_KEY_VALUES_MISMATCH ||
                        ERR_GET_REASON(ERR_peek_error()) == X509_R_KEY_TYPE_MISMATCH;
  if (!mismatch)
    return add_problem(key, TlsFile::key, "cannot be used as a private key in PEM format without a password", problems);
  ERR_clear_error();
  problems.push_back({TlsFile::key, fmt::format("{} is not the key of the certificate in {}", key, cert)});
}

}  // namespace

std::shared_ptr<TlsContext> TlsContext::for_clients(const TlsServerConfig& config, Problems& problems) {
  return load(rules_of(config), problems);
}

TlsContext::Rules TlsContext::rules_of(const TlsServerConfig& config) {
  return {true, Alpn::http, config.client_ca_file, config.cert_file, config.key_file, config.min_version};
}

bool TlsContext::is_for_clients(const TlsServerConfig& config) const { return rules_ == rules_of(config); }

std::shared_ptr<TlsContext> TlsContext::for_servers(const TlsClientConfig& config, Alpn alpn, Problems& problems) {
  return load(rules_of(config, alpn), problems);
}

TlsContext::Rules TlsContext::rules_of(const TlsClientConfig& config, Alpn alpn) {
  return {false, alpn, config.ca_file, config.cert_file, config.key_file, config.min_version};
}

bool TlsContext::is_for_servers(const TlsClientConfig& config, Alpn alpn) const {
  return rules_ == rules_of(config, alpn);
}

std::shared_ptr<TlsContext> TlsContext::load(Rules rules, Problems& problems) {
  const std::shared_ptr<TlsContext> made(new TlsContext(std::move(rules)));
  made->seen_ = made->file_states();
  made->read_files(problems);
  return made;
}

bool TlsContext::read_files(Problems& problems) {
  read_ = seen_;
  auto made = make_generation(problems);
  refused_ = made == nullptr;
  if (refused_) return false;
  const std::lock_guard lock(mutex_);
  current_ = std::move(made);
  return true;
}

std::shared_ptr<TlsGeneration> TlsContext::make_generation(Problems& problems) const {
  ERR_clear_error();
  auto made = std::make_shared<TlsGeneration>();
  made->context.reset(SSL_CTX_new(rules_.server ? TLS_server_method() : TLS_client_method()));
  TG_ASSERT(made->context != nullptr);
  SSL_CTX* const raw = made->context.get();
  SSL_CTX_set_min_proto_version(raw, rules_.min_version == TlsVersion::v1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_options(raw, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_default_passwd_cb(raw, no_password);
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (rules_.server) {
    TG_ASSERT(SSL_CTX_set_cipher_list(raw, kCiphersForClients) == 1);
    SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);  // tickets, which clients keep
    SSL_CTX_set_session_id_context(raw, kHttp, sizeof(kHttp));
    SSL_CTX_set_session_ticket_cb(raw, nullptr, take_ticket, nullptr);
    SSL_CTX_set_alpn_select_cb(raw, choose_http, nullptr);
  } else {
    SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(raw, &TlsEngine::on_new_session);
    SSL_CTX_set_cert_cb(raw, &TlsEngine::on_certificate_wanted, nullptr);
    if (rules_.alpn == Alpn::http) SSL_CTX_set_alpn_protos(raw, kHttp, sizeof(kHttp));
  }
  if (!rules_.ca_file.empty()) {
    use_authorities(*made, rules_.ca_file, problems);
  } else if (!rules_.server) {
    made->authorities = read_authorities("");
    SSL_CTX_set1_cert_store(raw, made->authorities.get());
  }
  if (!rules_.server || !rules_.ca_file.empty()) {
    SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, &TlsEngine::on_verified);
  }
  if (rules_.server && !rules_.ca_file.empty()) {
    SSL_CTX_set_client_CA_list(raw, SSL_load_client_CA_file(rules_.ca_file.c_str()));
  }
  if (!rules_.cert_file.empty()) read_identity(raw, rules_.cert_file, rules_.key_file, problems);
  ERR_clear_error();
  return problems.empty() ? std::move(made) : nullptr;
}

TlsContext::FileStates TlsContext::file_states() const {
  FileStates states;
  for (const std::string& path : {rules_.ca_file, rules_.cert_file, rules_.key_file}) {
    states.push_back(path.empty() ? std::nullopt : file_state(path));
  }
  return states;
}

// Certificate and key are two files: between the two writes, they do not belong together.
TlsContext::Refresh TlsContext::refresh(Problems& problems) {
  FileStates now = file_states();
  if (now != seen_) {
    seen_ = std::move(now);
    return Refresh::unchanged;
  }
  if (seen_ == read_ && !refused_) return Refresh::unchanged;
  return read_files(problems) ? Refresh::reloaded : Refresh::refused;
}

std::optional<WallTime> TlsContext::valid_until() const {
  const auto generation = current();
  const X509* const certificate = generation ? SSL_CTX_get0_certificate(generation->context.get()) : nullptr;
  std::tm parts{};
  if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) != 1) return std::nullopt;
  return WallTime(std::chrono::seconds(timegm(&parts)));
}

std::shared_ptr<TlsGeneration> TlsContext::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

std::string key_file_concern(const std::string& path) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0 || (file.st_mode & S_IRWXO) == 0) return "";
  return fmt::format(
      "every user of this machine may use the key: its mode is {:04o}; make it 0600, or 0640 with a group "
      "of its own",
      file.st_mode & 07777);
}

}  // namespace tidegate::net
