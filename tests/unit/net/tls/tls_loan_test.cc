// What TlsLoan tells of the connections of a library that makes them itself.
#include "net/tls/tls_loan.h"

#include <openssl/ssl.h>

#include "support/tls_contexts.h"

namespace tidegate::net {

TEST_CASE("a handshake that has failed is not taken for one that hangs at the next address") {
  const auto lent = test::client_context({.ca_file = test::Authority::of_program().ca_file()})->current();
  std::unique_ptr<TlsLoan> loan;
  const SslOwned<SSL_CTX> library(SSL_CTX_new(TLS_client_method()));
  loan = std::make_unique<TlsLoan>(*library, *lent, "127.0.0.1");
  const SslOwned<SSL> connection(SSL_new(library.get()));
  BIO* const from_server = BIO_new(BIO_s_mem());
  SSL_set_bio(connection.get(), from_server, BIO_new(BIO_s_mem()));
  const std::string no_tls = "HTTP/1.0 400 Bad Request\r\n\r\n";
  REQUIRE(BIO_write(from_server, no_tls.data(), static_cast<int>(no_tls.size())) > 0);

  CHECK(SSL_connect(connection.get()) == -1);
  CHECK(loan->is_handshaking());
  CHECK(loan->take_failure().starts_with("TLS: the server does not keep to TLS"));
  CHECK_FALSE(loan->is_handshaking());
  CHECK(loan->take_failure() == "");
}

}  // namespace tidegate::net
