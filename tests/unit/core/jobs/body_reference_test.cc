// References come from clients and Tidegate goes where they point: hostile ones, one by one.
#include "core/jobs/body_reference.h"

#include <doctest/doctest.h>

namespace tidegate::core {

namespace {

const std::vector<std::string> kHosts{"minio", "store.internal:9000", "plain.internal:80"};

}  // namespace

TEST_CASE("a reference on a listed host is taken apart") {
  const struct {
    const char* url;
    const char* host;
    uint16_t port;
    const char* target;
  } cases[] = {
      {"http://minio", "minio", 80, "/"},
      {"http://minio:9000/b/k?X-Amz-Signature=ab%2Fc", "minio", 9000, "/b/k?X-Amz-Signature=ab%2Fc"},
      {"HTTP://MinIO:1/x", "minio", 1, "/x"},
      {"http://store.internal:9000?q", "store.internal", 9000, "/?q"},
      {"http://plain.internal/x@y", "plain.internal", 80, "/x@y"},
      {"https://minio/x", "minio", 443, "/x"},
      {"HTTPS://minio:9000/x", "minio", 9000, "/x"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.url);
    const auto reference = check_body_reference(c.url, kHosts);
    REQUIRE(reference.ok());
    CHECK(reference->host == c.host);
    CHECK(reference->port == c.port);
    CHECK(reference->target == c.target);
    CHECK(reference->tls == (std::string_view(c.url).substr(4, 1).find_first_of("sS") == 0));
  }
}

TEST_CASE("whatever is not plainly a listed host is refused") {
  const std::string cases[] = {
      "",
      "minio/x",
      "//minio/x",
      "ftp://minio/x",
      "https:/minio/x",
      "httpss://minio/x",
      "file:///etc/passwd",
      "http:/minio/x",
      "http:///minio/x",
      "http://",
      " http://minio/x",
      "http://evil/x",
      "http://minio.evil/x",
      "http://evil.minio/x",
      "http://minio./x",
      "http://store.internal/x",
      "http://store.internal:9001/x",
      "http://plain.internal:8080/x",
      "http://user@minio/x",
      "http://minio@evil/x",
      "http://minio:80@evil/x",
      "http://user:pass@minio/x",
      "http://evil#@minio/x",
      "http://evil?@minio/x",
      "http://evil\\@minio/x",
      "http://minio\\.evil/x",
      "http://minio%2eevil/x",
      "http://%6dinio/x",
      "http://minio%00.evil/x",
      "http://[::1]/x",
      "http://[::ffff:127.0.0.1]:80/x",
      "http://127.0.0.1/x",
      "http://2130706433/x",
      "http://0x7f.1/x",
      "http://0177.0.0.1/x",
      "http://169.254.169.254/latest/meta-data/",
      "http://minio:/x",
      "http://minio:0/x",
      "http://minio:080/x",
      "http://minio:65536/x",
      "http://minio:99999999999/x",
      "http://minio:+80/x",
      "http://minio:80:80/x",
      "http://minio:8 0/x",
      "http://minio/a b",
      "http://minio/a\tb",
      "http://minio/a\r\nHost: evil",
      "http://minio/a\x7f",
      "http://minio/\xc3\xa4",
      std::string("http://minio/a\0b", 16),
      "http://minio/x#fragment",
      "http://minio/%",
      "http://minio/%4",
      "http://minio/%zz",
      "http://minio/<x>",
      "http://m\xc4\xb1nio/x",
      "http://minio/" + std::string(kBodyReferenceMax, 'x'),
  };
  for (const std::string& url : cases) {
    CAPTURE(url);
    const auto reference = check_body_reference(url, kHosts);
    REQUIRE_FALSE(reference.ok());
    CHECK(reference.error().code == ErrorCode::invalid);
    CHECK(reference.error().message.starts_with("Tidegate-Body-Ref: "));
  }
}

TEST_CASE("a reference occurs once in a request, or not at all") {
  http::Fields fields;
  CHECK_FALSE(body_reference(fields, kHosts)->has_value());
  fields.add("Tidegate-Body-Ref", "http://minio/x");
  CHECK(**body_reference(fields, kHosts) == "http://minio/x");
  fields.add("tidegate-body-ref", "http://minio/x");
  CHECK_FALSE(body_reference(fields, kHosts).ok());
}

}  // namespace tidegate::core
