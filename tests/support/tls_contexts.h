// TLS contexts of tests, from certificates that are good.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "net/tls/tls_context.h"
#include "support/certificates.h"

namespace tidegate::test {

using ContextPtr = std::shared_ptr<net::TlsContext>;

inline ContextPtr client_context(const net::TlsClientConfig& config) {
  std::vector<net::TlsFileProblem> problems;
  auto context = net::TlsContext::for_servers(config, net::TlsContext::Alpn::http, problems);
  REQUIRE(problems.empty());
  return context;
}
inline ContextPtr server_context(const CertificateFiles& files, const std::string& client_ca = {}) {
  std::vector<net::TlsFileProblem> problems;
  auto context = net::TlsContext::for_clients({files.cert_file, files.key_file, client_ca}, problems);
  REQUIRE(problems.empty());
  return context;
}

}  // namespace tidegate::test
