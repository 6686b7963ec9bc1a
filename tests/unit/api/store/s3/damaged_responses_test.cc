// The S3 store with invalid responses. They come from a scripted peer that closes the connection.
#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/store/s3/s3_store.h"
#include "base/log.h"
#include "unit/api/store/store_client.h"

namespace tidegate::api::test {

namespace {

const std::string kObjectName = "results/abc";
const std::string kWell = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

// One connection: responds after the request headers, reads on, and closes if it should.
class Conversation final : public net::StreamUser {
 public:
  Conversation(std::unique_ptr<net::Stream> stream, const std::map<std::string, std::string>& responses, bool hangs)
      : responses_(responses), hangs_(hangs), stream_(std::move(stream)) {
    stream_->set_user(this);
    stream_->start_reading();
  }

 private:
  void on_read(std::string_view bytes) override {
    received_ += bytes;
    if (responded_ || received_.find("\r\n\r\n") == std::string::npos) return;
    responded_ = true;
    const auto found = responses_.find(received_.substr(0, received_.find(' ')));
    stream_->write(found == responses_.end() ? kWell : found->second);
    if (!hangs_) stream_->end_writing();
  }
  void on_read_end() override { stream_.reset(); }
  void on_stream_error(const Error&) override { stream_.reset(); }
  void on_write_drained() override {}

  const std::map<std::string, std::string>& responses_;
  const bool hangs_;
  std::string received_;
  bool responded_ = false;
  std::unique_ptr<net::Stream> stream_;
};

struct DamageFixture {
  DamageFixture(const std::string& method, std::string response, bool hangs = false) {
    responses.emplace(method, std::move(response));
    log_set_sink([](LogLevel, std::string_view) {});
    auto listening = runtime.listen(*SocketAddress::parse("127.0.0.1:0"), [this, hangs](auto stream) {
      conversations.push_back(std::make_unique<Conversation>(std::move(stream), responses, hangs));
    });
    REQUIRE(listening.ok());
    listener = std::move(*listening);
    S3StoreOptions options;
    options.get_timeout = options.put_timeout = 300ms;
    options.object_bytes_max = 1000;
    auto opened = S3Store::open(
        runtime, {"http://" + listener->address().to_string(), "pictures", "us-east-1", "k", "s"}, options);
    REQUIRE(opened.ok());
    store = std::move(*opened);
    client.emplace(runtime, *store);
  }
  ~DamageFixture() { log_set_sink({}); }

  Error error_of_get() {
    const auto found = client->get(kObjectName);
    REQUIRE_FALSE(found.ok());
    return found.error();
  }

  std::map<std::string, std::string> responses;  // by method; other methods get a valid response
  net::UvRuntime runtime;
  std::vector<std::unique_ptr<Conversation>> conversations;
  std::unique_ptr<net::Listener> listener;
  std::unique_ptr<S3Store> store;
  std::optional<StoreClient> client;
};

std::string refusal(const std::string& status, const std::string& body) {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

TEST_CASE("a truncated download is an error") {
  DamageFixture fixture("GET", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nContent-Type: image/png\r\n\r\nhalf of it");
  CHECK(fixture.error_of_get().code == ErrorCode::unavailable);
}

TEST_CASE("a stalled download is aborted") {
  DamageFixture fixture("GET", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it", true);
  CHECK(fixture.error_of_get().code == ErrorCode::timeout);
}

TEST_CASE("a download with a wrong checksum is damaged") {
  DamageFixture fixture("GET", "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nx-amz-meta-crc32c: 00000000\r\n\r\npicture");
  CHECK(fixture.error_of_get().code == ErrorCode::invalid);
}

TEST_CASE("a download without a Content-Length is limited too") {
  DamageFixture fixture("GET", "HTTP/1.1 200 OK\r\n\r\n" + std::string(1001, 'x'));
  CHECK(fixture.error_of_get().code == ErrorCode::exhausted);
}

TEST_CASE("a download with a Content-Length above the limit is not read") {
  DamageFixture fixture("GET", "HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\nx", true);
  CHECK(fixture.error_of_get().code == ErrorCode::exhausted);
}

TEST_CASE("a response that is not HTTP, or is empty, is an error") {
  for (const char* response : {"what?\r\n\r\n", "HTTP/0.9 200\r\n\r\n", ""}) {
    CAPTURE(response);
    DamageFixture fixture("GET", response);
    CHECK(fixture.error_of_get().code == ErrorCode::unavailable);
  }
}

TEST_CASE("a redirect is not followed") {
  DamageFixture fixture("GET", "HTTP/1.1 307 Elsewhere\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
  const Error error = fixture.error_of_get();
  CHECK(error.code == ErrorCode::unavailable);
  CHECK(error.message.ends_with(": 307"));
}

TEST_CASE("every way of a server to report that it has no space is understood") {
  for (const std::string& response :
       {refusal("507 Insufficient Storage", ""),
        refusal("503 Full", "<Error><Code>XMinioStorageFull</Code><Message>no space</Message></Error>"),
        refusal("403 Quota", "<Error><Code>QuotaExceeded</Code></Error>"), refusal("413 Too Large", "")}) {
    CAPTURE(response);
    DamageFixture fixture("PUT", response);
    CHECK(fixture.client->put(kObjectName, object("x")).error().code == ErrorCode::exhausted);
  }
}

TEST_CASE("a truncated or non-XML error body is shown as far as possible") {
  DamageFixture fixture("GET", refusal("503 Slow", "<Error><Code>SlowDown</Code>" + std::string(1 << 20, 'x')));
  CHECK(fixture.error_of_get().message.ends_with("503 SlowDown"));
  DamageFixture other("GET", refusal("502 Bad", "<html><Code>"));
  CHECK(other.error_of_get().message.ends_with(": 502"));
}

TEST_CASE("an upload that is refused before it is read has the reason") {
  DamageFixture fixture("PUT", refusal("403 No", "<Error><Code>AccessDenied</Code></Error>"));
  const Status put = fixture.client->put(kObjectName, object(much(8 << 20)));
  REQUIRE_FALSE(put.ok());
  CHECK(put.error().code == ErrorCode::unavailable);
}

}  // namespace tidegate::api::test
