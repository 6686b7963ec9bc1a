// The S3 store by TLS: with a scripted peer, and with a real server.
#include <doctest/doctest.h>

#include <optional>
#include <vector>

#include "api/store/s3/s3_store.h"
#include "base/log.h"
#include "net/tls/tls_handshake.h"
#include "support/minio_server.h"
#include "support/tls_contexts.h"
#include "unit/api/store/s3_settings.h"
#include "unit/api/store/store_client.h"

namespace tidegate::api::test {

namespace {

using tidegate::test::Authority;
using tidegate::test::CertificateFiles;
using tidegate::test::MinioServer;

const std::string kSecureName = "results/abc";
const std::string kSecurePicture = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nContent-Type: image/png\r\n\r\npicture";

// One connection: the handshake, then one response to whatever comes.
class SecureConversation final : private net::StreamUser {
 public:
  SecureConversation(net::Runtime& runtime, std::unique_ptr<net::Stream> stream, net::TlsContext& tls) {
    handshake_ = net::tls_handshake(runtime, std::move(stream), std::make_unique<net::TlsEngine>(tls.current()), 5s,
                                    [this](Result<std::unique_ptr<net::Stream>> secured) {
                                      if (!secured) return;  // what the client refuses
                                      stream_ = std::move(*secured);
                                      stream_->set_user(this);
                                      stream_->start_reading();
                                    });
  }

 private:
  void on_read(std::string_view bytes) override {
    received_ += bytes;
    if (received_.find("\r\n\r\n") == std::string::npos) return;
    received_.clear();
    stream_->write(kSecurePicture);
  }
  void on_read_end() override { stream_.reset(); }
  void on_stream_error(const Error&) override { stream_.reset(); }
  void on_write_drained() override {}

  std::string received_;
  std::unique_ptr<net::Operation> handshake_;
  std::unique_ptr<net::Stream> stream_;
};

struct SecureFixture {
  explicit SecureFixture(const CertificateFiles& files, const std::string& ca_file = Authority::of_program().ca_file())
      : tls(tidegate::test::server_context(files)) {
    log_set_sink([](LogLevel, std::string_view) {});
    auto listening = runtime.listen(*SocketAddress::parse("127.0.0.1:0"), [this](auto stream) {
      conversations.push_back(std::make_unique<SecureConversation>(runtime, std::move(stream), *tls));
    });
    REQUIRE(listening.ok());
    listener = std::move(*listening);
    S3StoreOptions options;
    options.limits.ca_file = ca_file;
    auto opened = S3Store::open(
        runtime, {"https://" + listener->address().to_string(), "pictures", "us-east-1", "k", "s"}, options);
    REQUIRE(opened.ok());
    store = std::move(*opened);
    client.emplace(runtime, *store);
  }
  ~SecureFixture() { log_set_sink({}); }

  std::string reason() {
    const auto found = client->get(kSecureName);
    REQUIRE_FALSE(found.ok());
    CHECK(found.error().code == ErrorCode::unavailable);
    return found.error().message;
  }

  tidegate::test::ContextPtr tls;
  net::UvRuntime runtime;
  std::vector<std::unique_ptr<SecureConversation>> conversations;
  std::unique_ptr<net::Listener> listener;
  std::unique_ptr<S3Store> store;
  std::optional<StoreClient> client;
};

}  // namespace

TEST_CASE("an S3 server by TLS is verified by the authorities of the settings") {
  SecureFixture fixture(Authority::server_of_program());
  const auto found = fixture.client->get(kSecureName);
  REQUIRE_MESSAGE(found.ok(), (found.ok() ? "" : found.error().message));
  CHECK((*found)->bytes == "picture");
}

TEST_CASE("an S3 server whose certificate is wrong is unavailable, and the reason says what is wrong with it") {
  const Authority& ours = Authority::of_program();
  CHECK(SecureFixture(Authority::server_of_program(), "").reason().find("certificate") != std::string::npos);
  CHECK(SecureFixture(ours.issue("s3_old", {.names = {"127.0.0.1"}, .days_from = -20, .days_until = -10}))
            .reason()
            .find("expired") != std::string::npos);
  CHECK(SecureFixture(ours.issue("s3_other", {.names = {"other.example"}})).reason().find("127.0.0.1") !=
        std::string::npos);
}

TEST_CASE("objects pass a real S3 server by TLS") {
  NEEDS_MINIO();
  MinioServer server(Authority::server_of_program());
  log_set_sink([](LogLevel, std::string_view) {});
  net::UvRuntime runtime;
  S3StoreOptions options;
  options.limits.ca_file = Authority::of_program().ca_file();
  auto store = S3Store::open(
      runtime, {server.url(), MinioServer::new_bucket(), "us-east-1", MinioServer::kAccessKey, MinioServer::kSecretKey},
      options);
  REQUIRE(store.ok());
  while (!(*store)->has_bucket()) runtime.run_once();
  StoreClient client(runtime, **store);
  REQUIRE(client.put(kSecureName, object("the original", "image/jpeg")).ok());
  CHECK((*client.get(kSecureName))->bytes == "the original");
  log_set_sink({});
}

}  // namespace tidegate::api::test
