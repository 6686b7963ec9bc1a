// Why a handshake fails, in words: a test for each reason.
#include <filesystem>

#include "unit/net/tls/tls_fixture.h"

using namespace tidegate;
using namespace tidegate::test;

namespace {

const Authority& ours() { return Authority::of_program(); }
ContextPtr trusting_client() { return client_context({.ca_file = ours().ca_file()}); }
ContextPtr usual_server() { return server_context(Authority::server_of_program()); }

template <typename Loop>
std::string refusal_of(const CertificateOptions& options, const std::string& name = "127.0.0.1") {
  static int number = 0;
  Meeting<Loop> meeting(server_context(ours().issue("refused" + std::to_string(++number), options)));
  return meeting.connect(trusting_client(), name);
}

}  // namespace

TEST_ON_BOTH_RUNTIMES("A certificate for the name or the address that is connected to is accepted") {
  for (const char* name : {"up.example", "up.example.", "127.0.0.1", "localhost"}) {
    Meeting<Loop> meeting(usual_server());
    CHECK(meeting.connect(trusting_client(), name) == "");
  }
}

TEST_ON_BOTH_RUNTIMES("A certificate for another name is refused, and the reason has both names") {
  CHECK(refusal_of<Loop>({.names = {"other.example", "more.example"}}, "up.example") ==
        "TLS: the server's certificate is for other.example, more.example, not for up.example");
}

TEST_ON_BOTH_RUNTIMES("A certificate for another address is refused") {
  CHECK(refusal_of<Loop>({.names = {"up.example", "10.0.0.7"}}) ==
        "TLS: the server's certificate is for up.example, 10.0.0.7, not for 127.0.0.1");
}

TEST_ON_BOTH_RUNTIMES("An expired certificate is refused") {
  const std::string reason = refusal_of<Loop>({.names = {"127.0.0.1"}, .days_from = -20, .days_until = -10});
  CHECK(reason.starts_with("TLS: the server's certificate has expired (valid until 20"));
}

TEST_ON_BOTH_RUNTIMES("A certificate that is not valid yet is refused") {
  const std::string reason = refusal_of<Loop>({.names = {"127.0.0.1"}, .days_from = 10});
  CHECK(reason.starts_with("TLS: the server's certificate is not valid yet (from 20"));
}

TEST_ON_BOTH_RUNTIMES("A self-signed certificate is refused") {
  CHECK(refusal_of<Loop>({.names = {"127.0.0.1"}, .self_signed = true}) ==
        "TLS: the server's certificate is self-signed, and not one that is trusted");
}

TEST_ON_BOTH_RUNTIMES("A self-signed certificate is accepted where it is the one that is trusted") {
  const CertificateFiles files = ours().issue("trusted", {.names = {"127.0.0.1"}, .self_signed = true});
  Meeting<Loop> meeting(server_context(files));
  CHECK(meeting.connect(client_context({.ca_file = files.cert_file})) == "");
}

TEST_ON_BOTH_RUNTIMES("A certificate is accepted where it is listed itself, whoever has signed it") {
  Meeting<Loop> meeting(usual_server());
  CHECK(meeting.connect(client_context({.ca_file = Authority::server_of_program().cert_file})) == "");
}

TEST_ON_BOTH_RUNTIMES("A certificate without names is refused, whatever its subject is called") {
  CHECK(refusal_of<Loop>({}, "up.example") == "TLS: the server's certificate is for no name, not for up.example");
}

TEST_ON_BOTH_RUNTIMES("A certificate of an authority that is not trusted is refused, and the reason names it") {
  const Authority others("Some Other Authority");
  Meeting<Loop> meeting(server_context(others.issue("server", {.names = {"127.0.0.1"}})));
  CHECK(meeting.connect(trusting_client()) ==
        "TLS: the server's certificate is signed by an authority that is not trusted (Some Other Authority)");
  REQUIRE(meeting.until([&] { return !meeting.server_error.empty(); }));
  CHECK(meeting.server_error == "TLS: the client does not trust the authority that signed our certificate");
}

TEST_ON_BOTH_RUNTIMES("A server that wants a certificate of ours refuses us without one, before anything is sent") {
  Meeting<Loop> meeting(server_context(Authority::server_of_program(), ours().ca_file()));
  CHECK(meeting.connect(trusting_client()) == "TLS: the server requires a client certificate");
  REQUIRE(meeting.until([&] { return !meeting.server_error.empty(); }));
  CHECK(meeting.server_error == "TLS: the client sent no certificate");
}

TEST_ON_BOTH_RUNTIMES("A server that wants a certificate of ours refuses one of another authority") {
  const Authority others("Some Other Authority");
  const CertificateFiles mine = others.issue("client", {});
  Meeting<Loop> meeting(server_context(Authority::server_of_program(), ours().ca_file()));
  const auto context =
      client_context({.ca_file = ours().ca_file(), .cert_file = mine.cert_file, .key_file = mine.key_file});
  CHECK(meeting.connect(context) == "TLS: the server does not trust the authority that signed our certificate");
  REQUIRE(meeting.until([&] { return !meeting.server_error.empty(); }));
  CHECK(meeting.server_error ==
        "TLS: the client's certificate is signed by an authority that is not trusted (Some Other Authority)");
}

TEST_ON_BOTH_RUNTIMES("A server that wants a certificate of ours accepts one of its authority") {
  const CertificateFiles mine = ours().issue("client", {});
  Meeting<Loop> meeting(server_context(Authority::server_of_program(), ours().ca_file()));
  const auto context =
      client_context({.ca_file = ours().ca_file(), .cert_file = mine.cert_file, .key_file = mine.key_file});
  CHECK(meeting.connect(context) == "");
  meeting.client.stream->write("hello");
  CHECK(meeting.until([&] { return meeting.server.received == "hello"; }));
}

TEST_ON_BOTH_RUNTIMES("A server that speaks plain HTTP is recognized by what it sends") {
  Meeting<Loop> meeting([](Peer& server) { server.stream->write("HTTP/1.1 400 Bad Request\r\n\r\n"); });
  CHECK(meeting.connect(trusting_client()) == "TLS: the peer does not speak TLS; it sent `HTTP/1.1 400 Bad Req`");
}

TEST_ON_BOTH_RUNTIMES("A client that speaks plain HTTP is recognized by what it sends") {
  Meeting<Loop> meeting(usual_server());
  Peer& client = meeting.client;
  const auto connecting = meeting.connect_plainly([&](auto stream) { client.adopt(std::move(*stream)); });
  REQUIRE(meeting.until([&] { return client.stream != nullptr; }));
  client.stream->write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  REQUIRE(meeting.until([&] { return client.over(); }));
  CHECK(meeting.server_error == "TLS: the peer does not speak TLS; it sent `GET / HTTP/1.1..Host`");
  CHECK(client.ended);  // a clean end
}

TEST_ON_BOTH_RUNTIMES("A server that says nothing is given up after the time of the handshake") {
  Meeting<Loop> meeting([](Peer&) {});
  CHECK(meeting.connect(trusting_client(), "127.0.0.1", 30ms) == "TLS: the handshake got no response within 30 ms");
}

TEST_ON_BOTH_RUNTIMES("A server that stops in the middle of the handshake is given up after its time") {
  Meeting<Loop> meeting(
      [](Peer& server) { server.in_read = [&server] { server.stream->write(std::string("\x16\x03\x03", 3)); }; });
  CHECK(meeting.connect(trusting_client(), "127.0.0.1", 30ms) == "TLS: the handshake was not complete within 30 ms");
}

TEST_ON_BOTH_RUNTIMES("A server that closes the connection in the handshake has cut it") {
  Meeting<Loop> meeting([](Peer& server) { server.in_read = [&server] { server.close(); }; });
  CHECK(meeting.connect(trusting_client()) == "TLS: the peer closed the connection during the handshake");
}

TEST_ON_BOTH_RUNTIMES("A server that resets the connection in the handshake has cut it") {
  Meeting<Loop> meeting([](Peer& server) {
    server.in_read = [&server] {
      server.stream->reset_on_close();
      server.close();
    };
  });
  CHECK(meeting.connect(trusting_client()).starts_with("TLS: the handshake was cut off: connection reset by "));
}

TEST_ON_BOTH_RUNTIMES("A server that breaks TLS is told so, and the reason is the library's") {
  Meeting<Loop> meeting([](Peer& server) { server.stream->write(std::string("\x16\x03\x03\x00\x04zzzz", 9)); });
  CHECK(meeting.connect(trusting_client()).starts_with("TLS: the server does not keep to TLS: "));
  REQUIRE(meeting.until([&] { return meeting.server.over(); }));
  CHECK(meeting.server.received.find("\x15\x03") != std::string::npos);  // an alert
}

TEST_ON_BOTH_RUNTIMES("Destroying a handshake in any state is silent") {
  for (const bool speaks : {false, true}) {
    bool called = false, heard = false;
    Meeting<Loop> meeting([&](Peer& server) {
      server.in_read = [&] {
        heard = true;
        if (speaks) server.stream->write(std::string("\x16\x03\x03", 3));
      };
    });
    std::unique_ptr<net::Operation> handshake;
    const auto connecting = meeting.connect_plainly([&](auto stream) {
      handshake = net::tls_handshake(
          meeting.loop.runtime(), std::move(*stream),
          std::make_unique<net::TlsEngine>(trusting_client()->current(), net::TlsServerName{"x", "x"}), 5s,
          [&](auto) { called = true; });
    });
    REQUIRE(meeting.until([&] { return heard; }));
    handshake.reset();
    REQUIRE(meeting.until([&] { return meeting.server.over(); }));
    CHECK_FALSE(called);
  }
}

TEST_ON_BOTH_RUNTIMES("What a peer sends behind the handshake to break TLS comes back as an alert to that peer") {
  Meeting<Loop> meeting(usual_server());
  Peer& client = meeting.client;
  net::TlsEngine engine(trusting_client()->current(), net::TlsServerName{"127.0.0.1", "x"});
  const auto connecting = meeting.connect_plainly([&](auto stream) { client.adopt(std::move(*stream)); });
  REQUIRE(meeting.until([&] { return client.stream != nullptr; }));
  engine.handshake();
  engine.flush(*client.stream);
  size_t before_alert = 0;
  client.in_read = [&] {
    const std::string bytes = std::exchange(client.received, {});
    engine.feed(bytes);
    if (before_alert == 0 && engine.handshake() == net::TlsEngine::Step::done) {
      client.stream->write(engine.take_output() + std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x'));
      before_alert = client.received_bytes;
    }
    engine.keep_rest();
  };
  REQUIRE(meeting.until([&] { return !meeting.server_error.empty() && client.over(); }));
  CHECK(meeting.server_error.starts_with("TLS: the client does not keep to TLS: "));
  CHECK(client.received_bytes > before_alert);
}
