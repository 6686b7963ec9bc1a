#include "support/certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>

#include "base/ip.h"

namespace tidegate::test {

namespace {

struct Delete {
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
  void operator()(std::FILE* file) const { std::fclose(file); }
};
template <typename T>
using Owned = std::unique_ptr<T, Delete>;

void require(bool good, const char* what) {
  if (!good) throw std::runtime_error(std::string("certificates of the test: ") + what);
}

Owned<std::FILE> open(const std::string& path, const char* mode) {
  Owned<std::FILE> file(std::fopen(path.c_str(), mode));
  require(file != nullptr, "cannot open a file");
  return file;
}

// Replaced at once, as tools that renew certificates do.
template <typename Write>
void write_file(const std::string& path, const Write& write) {
  const std::string next = path + ".next";
  {
    const auto file = open(next, "w");
    require(write(file.get()) == 1, "cannot write a file");
  }
  std::filesystem::permissions(next, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  std::filesystem::rename(next, path);
}

Owned<X509> read_certificate(const std::string& path) {
  return Owned<X509>(PEM_read_X509(open(path, "r").get(), nullptr, nullptr, nullptr));
}
Owned<EVP_PKEY> read_key(const std::string& path) {
  return Owned<EVP_PKEY>(PEM_read_PrivateKey(open(path, "r").get(), nullptr, nullptr, nullptr));
}

void extend(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Owned<X509_EXTENSION> extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  require(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1, "an extension");
}

std::string alternative_names(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text += (text.empty() ? "" : ",") + std::string(IpAddress::parse(name) ? "IP:" : "DNS:") + name;
  }
  return text;
}

Owned<X509> make_certificate(const std::string& name, const CertificateOptions& options, EVP_PKEY* key) {
  static long serial = 1;
  Owned<X509> certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial++);
  constexpr long kDay = 24 * 60 * 60;
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), options.days_from * kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), options.days_until * kDay);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return certificate;
}

CertificateFiles store(const std::filesystem::path& at, X509* certificate, EVP_PKEY* key) {
  CertificateFiles files{at.string() + ".crt", at.string() + ".key"};
  write_file(files.cert_file, [&](std::FILE* file) { return PEM_write_X509(file, certificate); });
  write_file(files.key_file,
             [&](std::FILE* file) { return PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr); });
  return files;
}

Owned<EVP_PKEY> make_key() {
  Owned<EVP_PKEY> key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  require(key != nullptr, "a key");
  return key;
}

}  // namespace

Authority::Authority(const std::string& name) : name_(name) {
  std::string pattern = (std::filesystem::temp_directory_path() / "tidegate-certificates-XXXXXX").string();
  require(mkdtemp(pattern.data()) != nullptr, "a folder");
  folder_ = pattern;
  const auto key = make_key();
  const auto certificate = make_certificate(name, {}, key.get());
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
  extend(certificate.get(), certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
  extend(certificate.get(), certificate.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  extend(certificate.get(), certificate.get(), NID_subject_key_identifier, "hash");
  require(X509_sign(certificate.get(), key.get(), nullptr) > 0, "a signature");
  ca_ = store(folder_ / "ca", certificate.get(), key.get());
}

Authority::~Authority() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

CertificateFiles Authority::issue(const std::string& file, const CertificateOptions& options) const {
  const auto key = make_key();
  const auto certificate = make_certificate(file, options, key.get());
  const auto issuer = read_certificate(ca_.cert_file);
  const auto issuer_key = read_key(ca_.key_file);
  X509* const signer = options.self_signed ? certificate.get() : issuer.get();
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(signer));
  if (!options.names.empty()) {
    extend(certificate.get(), signer, NID_subject_alt_name, alternative_names(options.names));
  }
  require(X509_sign(certificate.get(), options.self_signed ? key.get() : issuer_key.get(), nullptr) > 0, "a signature");
  return store(folder_ / file, certificate.get(), key.get());
}

void Authority::encrypt_key(const CertificateFiles& files) const {
  const auto key = read_key(files.key_file);
  unsigned char password[] = "password";
  write_file(files.key_file, [&](std::FILE* file) {
    return PEM_write_PrivateKey(file, key.get(), EVP_aes_128_cbc(), password, 8, nullptr, nullptr);
  });
}

const Authority& Authority::of_program() {
  static const Authority authority;
  return authority;
}

const CertificateFiles& Authority::server_of_program() {
  static const CertificateFiles files =
      of_program().issue("server", {.names = {"127.0.0.1", "localhost", "up.example"}});
  return files;
}

}  // namespace tidegate::test
