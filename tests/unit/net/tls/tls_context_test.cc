// The files of a context: what is wrong with them, and how they are read again.
#include "net/tls/tls_context.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "unit/net/tls/tls_fixture.h"

using namespace tidegate;
using namespace tidegate::test;
using net::TlsContext;
using net::TlsFile;
using net::TlsFileProblem;

namespace {

const Authority& signer() { return Authority::of_program(); }

std::vector<TlsFileProblem> problems_of(const net::TlsClientConfig& config) {
  std::vector<TlsFileProblem> problems;
  const auto context = TlsContext::for_servers(config, TlsContext::Alpn::none, problems);
  CHECK((context->current() != nullptr) == problems.empty());
  return problems;
}

std::string file_of(const std::string& name, const std::string& text) {
  const std::string path = (signer().folder() / name).string();
  std::ofstream(path) << text;
  return path;
}

std::shared_ptr<TlsContext> authorities_in(const std::string& path) {
  std::vector<TlsFileProblem> problems;
  return TlsContext::for_servers({.ca_file = path}, TlsContext::Alpn::none, problems);
}

X509_STORE* store_of(const std::shared_ptr<TlsContext>& context) {
  return SSL_CTX_get_cert_store(context->current()->context.get());
}

// Two looks: the files are read once they lie still.
TlsContext::Refresh refresh(TlsContext& context, std::vector<TlsFileProblem>& problems) {
  CHECK(context.refresh(problems) == TlsContext::Refresh::unchanged);
  return context.refresh(problems);
}

}  // namespace

TEST_CASE("Each file that cannot be used is reported by itself, with its reason") {
  const auto problems =
      problems_of({.ca_file = "/no/ca.crt", .cert_file = "/no/tls.crt", .key_file = signer().folder() / "ca.key"});
  REQUIRE(problems.size() == 2);
  CHECK(problems[0].file == TlsFile::ca);
  CHECK(problems[0].what == "cannot read /no/ca.crt: No such file or directory");
  CHECK(problems[1].file == TlsFile::cert);
}

TEST_CASE("Contexts of the same authorities share them, until the file is another") {
  std::ifstream ca(signer().ca_file());
  const std::string pem{std::istreambuf_iterator<char>(ca), {}};
  const std::string path = file_of("shared.crt", pem);
  const auto one = authorities_in(path), other = authorities_in(path);
  CHECK(store_of(one) == store_of(other));
  CHECK(store_of(one) != store_of(authorities_in(signer().ca_file())));
  file_of("shared.crt", pem + "\n");
  CHECK(store_of(one) != store_of(authorities_in(path)));
}

TEST_CASE("Contexts share the system's authorities, until one is added to its folder or removed from it") {
  const auto folder = signer().folder() / "authorities";
  std::filesystem::create_directory(folder);
  ::setenv(X509_get_default_cert_dir_env(), ("/nowhere:" + folder.string()).c_str(), 1);
  const auto system = authorities_in("");
  CHECK(store_of(system) == store_of(authorities_in("")));
  file_of("authorities/some.0", "an authority");
  const auto with_it = authorities_in("");
  CHECK(store_of(system) != store_of(with_it));
  std::filesystem::remove(folder / "some.0");
  CHECK(store_of(with_it) != store_of(authorities_in("")));
  ::unsetenv(X509_get_default_cert_dir_env());
}

TEST_CASE("A file that is not PEM is no certificate, no key and no authority") {
  const std::string text = file_of("text", "not PEM");
  const CertificateFiles good = Authority::server_of_program();
  REQUIRE(problems_of({.ca_file = text}).size() == 1);
  CHECK(problems_of({.ca_file = text})[0].what.starts_with(text + " cannot be used as certificates in PEM format ("));
  REQUIRE(problems_of({.cert_file = text, .key_file = good.key_file}).size() == 1);
  CHECK(problems_of({.cert_file = text, .key_file = good.key_file})[0].what.starts_with(
      text + " cannot be used as a certificate chain in PEM format ("));
  REQUIRE(problems_of({.cert_file = good.cert_file, .key_file = text}).size() == 1);
  CHECK(problems_of({.cert_file = good.cert_file, .key_file = text})[0].file == TlsFile::key);
}

TEST_CASE("A key that is not the certificate's is a mistake of the key, which names both") {
  const CertificateFiles one = signer().issue("one", {}), two = signer().issue("two", {});
  const auto problems = problems_of({.cert_file = one.cert_file, .key_file = two.key_file});
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].file == TlsFile::key);
  CHECK(problems[0].what == two.key_file + " is not the key of the certificate in " + one.cert_file);
}

TEST_CASE("A new certificate is read once its files lie still, and connections that begin then have it") {
  const CertificateFiles files = signer().issue("renewed", {.days_until = 5});
  const ContextPtr context = server_context(files);
  const auto first = *context->valid_until();
  std::vector<TlsFileProblem> problems;
  CHECK(context->refresh(problems) == TlsContext::Refresh::unchanged);
  signer().issue("renewed", {.days_until = 50});
  CHECK(refresh(*context, problems) == TlsContext::Refresh::reloaded);
  CHECK(*context->valid_until() - first > std::chrono::hours(24 * 44));
  CHECK(context->refresh(problems) == TlsContext::Refresh::unchanged);
}

TEST_CASE("New files that cannot be used are refused, and the old certificate stays") {
  const CertificateFiles files = signer().issue("broken", {});
  const ContextPtr context = server_context(files);
  const auto before = *context->valid_until();
  std::ofstream(files.cert_file) << "broken";
  std::vector<TlsFileProblem> problems;
  CHECK(refresh(*context, problems) == TlsContext::Refresh::refused);
  REQUIRE(problems.size() == 1);
  CHECK(*context->valid_until() == before);
  std::filesystem::remove(files.cert_file);
  problems.clear();
  CHECK(refresh(*context, problems) == TlsContext::Refresh::refused);
  CHECK(context->current() != nullptr);
  signer().issue("broken", {.days_until = 99});
  problems.clear();
  CHECK(refresh(*context, problems) == TlsContext::Refresh::reloaded);
  CHECK(*context->valid_until() > before);
}

TEST_CASE("A certificate and its key that are replaced one after the other are not read between the two") {
  const CertificateFiles files = signer().issue("pair", {});
  const ContextPtr context = server_context(files);
  const CertificateFiles next = signer().issue("next", {.days_until = 77});
  std::vector<TlsFileProblem> problems;
  std::filesystem::rename(next.cert_file, files.cert_file);
  CHECK(context->refresh(problems) == TlsContext::Refresh::unchanged);
  std::filesystem::rename(next.key_file, files.key_file);
  CHECK(refresh(*context, problems) == TlsContext::Refresh::reloaded);
  CHECK(problems.empty());
}

TEST_CASE("A key that others may use is a concern, and one of its owner or group is none") {
  const std::string key = file_of("some.key", "");
  using std::filesystem::perms;
  const auto concern_with = [&](unsigned mode) {
    std::filesystem::permissions(key, static_cast<perms>(mode));
    return net::key_file_concern(key);
  };
  CHECK(concern_with(0600) == "");
  CHECK(concern_with(0640) == "");
  CHECK(concern_with(0644).find("its mode is 0644") != std::string::npos);
  CHECK(net::key_file_concern("/no/such.key") == "");
}

TEST_CASE("An encrypted key is a mistake of the key: nobody is asked for its password") {
  const CertificateFiles files = signer().issue("encrypted", {});
  signer().encrypt_key(files);
  const auto problems = problems_of({.cert_file = files.cert_file, .key_file = files.key_file});
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].file == TlsFile::key);
  CHECK(problems[0].what.starts_with(files.key_file +
                                     " cannot be used as a private key in PEM format without a password"));
}

TEST_CASE("Files that were refused are read again at each look, so that what has been put right is used") {
  const CertificateFiles files = signer().issue("mended", {});
  std::vector<TlsFileProblem> problems;
  const std::string away = files.key_file + ".away";
  std::filesystem::rename(files.key_file, away);
  const auto context = TlsContext::for_clients({files.cert_file, files.key_file, ""}, problems);
  CHECK(context->current() == nullptr);
  CHECK(context->refresh(problems) == TlsContext::Refresh::refused);
  std::filesystem::rename(away, files.key_file);
  problems.clear();
  CHECK(refresh(*context, problems) == TlsContext::Refresh::reloaded);
  CHECK(context->current() != nullptr);
}

TEST_CASE("A change of a file's rights is a change") {
  const CertificateFiles files = signer().issue("rights", {});
  const ContextPtr context = server_context(files);
  std::filesystem::permissions(files.key_file, std::filesystem::perms(0640));
  std::vector<TlsFileProblem> problems;
  CHECK(refresh(*context, problems) == TlsContext::Refresh::reloaded);
}
