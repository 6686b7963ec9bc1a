// Certificates for tests, made when the test runs, in a folder that goes with it: an authority, and what it signs. No
// program is needed. Keys are Ed25519: made at once, and all signatures have one length, so a simulation stays the
// same.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace tidegate::test {

struct CertificateFiles {
  std::string cert_file;
  std::string key_file;
};

struct CertificateOptions {
  std::vector<std::string> names = {};  // names and addresses that it is for
  int days_from = -1;                   // valid from then on, from today
  int days_until = 30;
  bool self_signed = false;
};

class Authority {
 public:
  explicit Authority(const std::string& name = "Test Authority");
  ~Authority();
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  const std::string& ca_file() const { return ca_.cert_file; }
  const std::filesystem::path& folder() const { return folder_; }
  // `file`: the files are named so, with .crt and .key; others of that name are replaced.
  CertificateFiles issue(const std::string& file, const CertificateOptions& options) const;

  // Gives the key a password.
  void encrypt_key(const CertificateFiles& files) const;

  // One for the whole test program, that trusts for 127.0.0.1, localhost and up.example.
  static const Authority& of_program();
  static const CertificateFiles& server_of_program();

 private:
  std::filesystem::path folder_;
  std::string name_;
  CertificateFiles ca_;
};

}  // namespace tidegate::test
