// What a store in S3 makes of answers that no well server gives. They come from a peer that says what the test tells it
// to, and closes the connection.
#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/store/s3_store.h"
#include "base/log.h"
#include "unit/api/store/store_asker.h"

namespace tidegate::api::test {

namespace {

const std::string kName = "results/abc";
const std::string kWell = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

// One connection: answers when the request's head is whole, reads on, and closes where it is told to.
class Conversation final : public net::StreamUser {
 public:
  Conversation(std::unique_ptr<net::Stream> stream, const std::map<std::string, std::string>& answers, bool hangs)
      : answers_(answers), hangs_(hangs), stream_(std::move(stream)) {
    stream_->set_user(this);
    stream_->start_reading();
  }

 private:
  void on_read(std::string_view bytes) override {
    heard_ += bytes;
    if (answered_ || heard_.find("\r\n\r\n") == std::string::npos) return;
    answered_ = true;
    const auto found = answers_.find(heard_.substr(0, heard_.find(' ')));
    stream_->write(found == answers_.end() ? kWell : found->second);
    if (!hangs_) stream_->end_writing();
  }
  void on_read_end() override { stream_.reset(); }
  void on_stream_error(const Error&) override { stream_.reset(); }
  void on_write_drained() override {}

  const std::map<std::string, std::string>& answers_;
  const bool hangs_;
  std::string heard_;
  bool answered_ = false;
  std::unique_ptr<net::Stream> stream_;
};

struct Rig {
  Rig(const std::string& method, std::string answer, bool hangs = false) {
    answers.emplace(method, std::move(answer));
    log_set_sink([](LogLevel, std::string_view) {});
    auto listening = runtime.listen(*SocketAddress::parse("127.0.0.1:0"), [this, hangs](auto stream) {
      conversations.push_back(std::make_unique<Conversation>(std::move(stream), answers, hangs));
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
    ask.emplace(runtime, *store);
  }
  ~Rig() { log_set_sink({}); }

  Error error_of_get() {
    const auto found = ask->get(kName);
    REQUIRE_FALSE(found.ok());
    return found.error();
  }

  std::map<std::string, std::string> answers;  // by method; the others are well
  net::UvRuntime runtime;
  std::vector<std::unique_ptr<Conversation>> conversations;
  std::unique_ptr<net::Listener> listener;
  std::unique_ptr<S3Store> store;
  std::optional<StoreAsker> ask;
};

std::string refusal(const std::string& status, const std::string& body) {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

TEST_CASE("a download that is cut off is no object") {
  Rig rig("GET", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nContent-Type: image/png\r\n\r\nhalf of it");
  CHECK(rig.error_of_get().code == ErrorCode::unavailable);
}

TEST_CASE("a download that does not go on is given up") {
  Rig rig("GET", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it", true);
  CHECK(rig.error_of_get().code == ErrorCode::timeout);
}

TEST_CASE("a download whose checksum is another's is damaged") {
  Rig rig("GET", "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nx-amz-meta-crc32c: 00000000\r\n\r\npicture");
  CHECK(rig.error_of_get().code == ErrorCode::invalid);
}

TEST_CASE("a download without an announced end is no larger than the limit either") {
  Rig rig("GET", "HTTP/1.1 200 OK\r\n\r\n" + std::string(1001, 'x'));
  CHECK(rig.error_of_get().code == ErrorCode::exhausted);
}

TEST_CASE("what announces more than the limit is not read") {
  Rig rig("GET", "HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\nx", true);
  CHECK(rig.error_of_get().code == ErrorCode::exhausted);
}

TEST_CASE("what is not HTTP, or nothing at all, is an error") {
  for (const char* answer : {"what?\r\n\r\n", "HTTP/0.9 200\r\n\r\n", ""}) {
    CAPTURE(answer);
    Rig rig("GET", answer);
    CHECK(rig.error_of_get().code == ErrorCode::unavailable);
  }
}

TEST_CASE("a redirect is not followed") {
  Rig rig("GET", "HTTP/1.1 307 Elsewhere\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
  const Error error = rig.error_of_get();
  CHECK(error.code == ErrorCode::unavailable);
  CHECK(error.message.ends_with(": 307"));
}

TEST_CASE("a server without space says so in its own ways, and all are understood") {
  for (const std::string& answer :
       {refusal("507 Insufficient Storage", ""),
        refusal("503 Full", "<Error><Code>XMinioStorageFull</Code><Message>no space</Message></Error>"),
        refusal("403 Quota", "<Error><Code>QuotaExceeded</Code></Error>"), refusal("413 Too Large", "")}) {
    CAPTURE(answer);
    Rig rig("PUT", answer);
    CHECK(rig.ask->put(kName, object("x")).error().code == ErrorCode::exhausted);
  }
}

TEST_CASE("a reason that does not end, or is no XML, is told as far as it goes") {
  Rig rig("GET", refusal("503 Slow", "<Error><Code>SlowDown</Code>" + std::string(1 << 20, 'x')));
  CHECK(rig.error_of_get().message.ends_with("503 SlowDown"));
  Rig other("GET", refusal("502 Bad", "<html><Code>"));
  CHECK(other.error_of_get().message.ends_with(": 502"));
}

TEST_CASE("an upload that is refused before it is read is told why") {
  Rig rig("PUT", refusal("403 No", "<Error><Code>AccessDenied</Code></Error>"));
  const Status put = rig.ask->put(kName, object(much(8 << 20)));
  REQUIRE_FALSE(put.ok());
  CHECK(put.error().code == ErrorCode::unavailable);
}

}  // namespace tidegate::api::test
