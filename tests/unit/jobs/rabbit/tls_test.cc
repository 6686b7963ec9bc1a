// The job queue on a RabbitMQ that is reached by TLS: what goes through, and why it does not.
#include "jobs/redis/queue.h"
#include "support/tls_contexts.h"
#include "unit/jobs/rabbit/rabbit_fixture.h"

namespace tidegate::jobs {

namespace {

const test::Authority& ours() { return test::Authority::of_program(); }

// A queue at a listener by TLS.
class SecureFixture : public RealFixture {
 public:
  SecureFixture(uint16_t port, const net::TlsClientConfig& tls, const std::string& host = "127.0.0.1") {
    static int count = 0;
    RabbitQueueOptions options;
    options.name = "secure" + std::to_string(++count);
    options.url.host = host;
    options.url.port = port;
    options.url.tls = tls;
    options.tls = net::make_tls_server(tls, net::TlsContext::Alpn::none);
    options.settle = {};
    options.records = open_redis_records(options.name, {});
    name_ = options.name;
    queue_ = open_rabbit_queue(std::move(options));
  }
  ~SecureFixture() {
    close(std::move(queue_));
    for (const std::string& queue : {work_queue(name_), dead_queue(name_)}) {
      test::RabbitServer::shared().delete_queue(queue);
    }
  }

  JobQueue& queue() { return *queue_; }
  std::string reason() const { return queue_->view().why_unavailable; }
  void until_available() { await_available(*this, *queue_); }
  // Why it is not, once it has been tried.
  std::string why_not() {
    run_until([&] { return reason().find("TLS") != std::string::npos; });
    CHECK_FALSE(queue_->view().available);
    return reason();
  }

 private:
  std::string name_;
  std::unique_ptr<JobQueue> queue_;
};

uint16_t good_port() {
  static const uint16_t port = test::RabbitServer::shared().listen_by_tls(test::Authority::server_of_program());
  return port;
}

std::string at(uint16_t port) {
  return "rabbitmq amqps://guest@127.0.0.1:" + std::to_string(port) + "/: 127.0.0.1:" + std::to_string(port) + ": ";
}

}  // namespace

TEST_CASE("jobs with large bodies pass a RabbitMQ by TLS") {
  SecureFixture fixture(good_port(), {.ca_file = ours().ca_file()});
  fixture.until_available();
  Asker asker(fixture);
  const std::string body = random_bytes(5u << 20, 3);
  const std::string id = asker.append_new(body);
  const ClaimedJob job = asker.claim();
  CHECK(job.id == id);
  CHECK(asker.body_of(job) == body);
  CHECK(asker.succeed(job).ok());
}

TEST_CASE("a broker is connected to by its name, and its certificate must be for that") {
  SecureFixture fixture(good_port(), {.ca_file = ours().ca_file()}, "localhost");
  fixture.until_available();
}

TEST_CASE("a RabbitMQ whose certificate is wrong is unavailable, and the reason says what is wrong with it") {
  const uint16_t port = good_port();
  SecureFixture untrusted(port, {});
  CHECK(untrusted.why_not() == at(port) +
                                   "TLS: the server's certificate is signed by an authority that is not trusted (Test "
                                   "Authority)");
  SecureFixture other_name(port, {.ca_file = ours().ca_file(), .server_name = "other.example"});
  CHECK(other_name.why_not() ==
        at(port) + "TLS: the server's certificate is for 127.0.0.1, localhost, up.example, not for other.example");
  const auto old = ours().issue("rabbit_old", {.names = {"127.0.0.1"}, .days_from = -20, .days_until = -10});
  const uint16_t old_port = test::RabbitServer::shared().listen_by_tls(old);
  SecureFixture expired(old_port, {.ca_file = ours().ca_file()});
  CHECK(expired.why_not().starts_with(at(old_port) + "TLS: the server's certificate has expired (valid until "));
}

TEST_CASE("a RabbitMQ that requires a client certificate gets ours, and the reason says so where there is none") {
  const uint16_t port =
      test::RabbitServer::shared().listen_by_tls(test::Authority::server_of_program(), ours().ca_file());
  const test::CertificateFiles mine = ours().issue("rabbit_client", {});
  SecureFixture known(port, {.ca_file = ours().ca_file(), .cert_file = mine.cert_file, .key_file = mine.key_file});
  known.until_available();
  SecureFixture unknown(port, {.ca_file = ours().ca_file()});
  CHECK(unknown.why_not().ends_with("TLS: the server requires a client certificate"));
}

TEST_CASE("a RabbitMQ that hangs in the handshake is unavailable, and the reason says so") {
  test::RabbitServer::shared();
  net::UvRuntime silent(1);  // the kernel accepts for it
  const auto listening = silent.listen(*SocketAddress::parse("127.0.0.1:0"), [](auto) {});
  REQUIRE(listening.ok());
  const uint16_t port = (*listening)->address().port;
  SecureFixture fixture(port, {.ca_file = ours().ca_file(), .handshake_timeout = 100ms});
  CHECK(fixture.why_not() == at(port) + "TLS: the handshake was not complete in time");
}

TEST_CASE("a RabbitMQ that does not speak TLS is unavailable") {
  SecureFixture fixture(test::RabbitServer::shared().port(), {.ca_file = ours().ca_file()});
  CHECK(fixture.why_not().find("TLS: the server does not keep to TLS") != std::string::npos);
}

}  // namespace tidegate::jobs
