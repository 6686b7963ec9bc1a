#include "http/client/client_connection.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "unit/net/both_runtimes.h"

using namespace tidegate;
using namespace tidegate::http;
using namespace tidegate::test;

namespace {

// An upstream that says what it is told, and a user that writes down what it hears.
class Peer final : private net::StreamUser, public ClientUser {
 public:
  Peer() {
    auto listening = loop.impl.listen(any_port(), [this](std::unique_ptr<net::Stream> stream) {
      upstream = std::move(stream);
      upstream->set_user(this);
      upstream->start_reading();
    });
    REQUIRE(listening.ok());
    listener = std::move(*listening);
    auto connecting = loop.impl.connect(listener->address(), [this](Result<std::unique_ptr<net::Stream>> stream) {
      REQUIRE(stream.ok());
      client = std::make_unique<ClientConnection>(std::move(*stream), HeadLimits{});
    });
    REQUIRE(loop.run_until([&] { return client && upstream; }));
  }

  void ask(bool to_head = false) {
    client->begin_request(this, to_head);
    const std::string_view text = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    client->write(std::span(&text, 1));
    client->end_request();
  }
  void say(std::string_view bytes) {
    upstream->write(bytes);
    settle();
  }
  void hang_up() {
    upstream.reset();
    settle();
  }
  void settle() { loop.impl.run_for(1s); }

  void on_interim_response(const ResponseHead& head) override {
    heard += "interim " + std::to_string(head.status) + ";";
  }
  void on_switched(const ResponseHead&, std::unique_ptr<net::Stream> stream, std::string_view received) override {
    heard += "switched;";
    heard.append(received);
    switched = std::move(stream);
    switched->set_user(&reader);
    switched->start_reading();
  }
  void on_response_head(const ResponseHead& head) override { heard += "head " + std::to_string(head.status) + ";"; }
  void on_response_body(std::string_view piece) override {
    heard.append(piece);
    if (destroy_on_body) client.reset();
  }
  void on_response_complete() override { heard += ";complete"; }
  void on_client_failure(ClientFailure failure, RequestSeen seen, std::string_view) override {
    heard += failure == ClientFailure::reset ? ";reset" : ";bad";
    if (seen == RequestSeen::maybe) heard += " untouched";
    if (seen == RequestSeen::no) heard += " unseen";
  }
  void on_request_drained() override {}

  SimLoop loop;
  std::unique_ptr<net::Listener> listener;
  std::unique_ptr<net::Stream> upstream;
  std::unique_ptr<ClientConnection> client;
  std::string heard;
  std::string asked;
  bool destroy_on_body = false;
  std::unique_ptr<net::Stream> switched;

 private:
  // Of what follows a 101.
  struct Reader final : net::StreamUser {
    explicit Reader(std::string& to) : heard(to) {}
    void on_read(std::string_view bytes) override { heard.append(bytes); }
    void on_read_end() override { heard += ";end"; }
    void on_stream_error(const Error&) override { heard += ";error"; }
    void on_write_drained() override {}
    std::string& heard;
  };
  Reader reader{heard};

  void on_read(std::string_view bytes) override { asked.append(bytes); }
  void on_read_end() override {}
  void on_stream_error(const Error&) override {}
  void on_write_drained() override {}
};

}  // namespace

TEST_CASE("a connection carries one request after another") {
  Peer peer;
  for (int i = 0; i < 3; ++i) {
    peer.ask();
    peer.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    CHECK(peer.client->reusable());
    CHECK(peer.client->ever_used());
  }
  CHECK(peer.heard == "head 200;ok;completehead 200;ok;completehead 200;ok;complete");
}

TEST_CASE("what responses leave a connection fit for use") {
  struct Row {
    const char* answer;
    bool to_head;
    const char* heard;
    bool reusable;
  };
  const std::vector<Row> rows = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n", false, "head 200;ok;complete", false},
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", false, "head 200;ok;complete", false},
      {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", false, "head 200;ok;complete", false},
      {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", true, "head 200;;complete", true},
      {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nSEE-THIS!", true, "head 200;;complete", false},
      {"HTTP/1.1 304 Not Modified\r\n\r\n", false, "head 304;;complete", true},
      {"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", false, "interim 103;head 204;;complete",
       true},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", false, "head 204;;complete", true},
      {"HTTP/1.1 101 Switching Protocols\r\n\r\n", false, ";bad", false},
      {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", false, ";bad", false},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", false, "head 200;;bad", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.answer);
    Peer peer;
    peer.ask(row.to_head);
    peer.say(row.answer);
    CHECK(peer.heard == row.heard);
    CHECK(peer.client->reusable() == row.reusable);
  }
}

TEST_CASE("at most ten interim responses are taken") {
  for (const int count : {10, 11}) {
    Peer peer;
    peer.ask();
    std::string answer;
    for (int i = 0; i < count; ++i) answer += "HTTP/1.1 100 Continue\r\n\r\n";
    peer.say(answer + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    CHECK(peer.heard == (count == 10 ? "head 200;;complete" : ";bad"));
  }
}

TEST_CASE("a response is ended by the connection's end only where that is its framing") {
  Peer whole;
  whole.ask();
  whole.say("HTTP/1.1 200 OK\r\n\r\nall");
  whole.hang_up();
  CHECK(whole.heard == "head 200;all;complete");
  CHECK_FALSE(whole.client->reusable());

  Peer cut;
  cut.ask();
  cut.say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsome");
  cut.hang_up();
  CHECK(cut.heard == "head 200;some;reset");
}

TEST_CASE("an end before any byte of a response is distinguished") {
  Peer unseen;
  unseen.ask();
  unseen.hang_up();  // with the request still on its way
  CHECK(unseen.heard == ";reset unseen");

  Peer untouched;
  untouched.ask();
  untouched.settle();
  untouched.hang_up();
  CHECK(untouched.heard == ";reset untouched");

  Peer begun;
  begun.ask();
  begun.say("H");
  begun.hang_up();
  CHECK(begun.heard == ";reset");
}

TEST_CASE("a response before the request is whole leaves the connection spent") {
  Peer peer;
  peer.client->begin_request(&peer, false);
  peer.say("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");
  CHECK(peer.heard == "head 413;;complete");
  CHECK_FALSE(peer.client->reusable());
}

TEST_CASE("a response that an upstream sent before it closed is taken, although the request could not be written") {
  for (const std::string_view how : {"whole", "cut short", "ended by the connection"}) {
    CAPTURE(how);
    Peer peer;
    peer.upstream->stop_reading();
    peer.client->begin_request(&peer, false);
    const std::string request(1'000'000, 'x');
    const std::string_view pieces[] = {request};
    peer.client->write(pieces);
    peer.client->pause_reading();
    peer.say("HTTP/1.1 413 Content Too Large\r\nConnection: close\r\n");
    if (how == "whole") peer.say("Content-Length: 2\r\n\r\nno");
    if (how == "cut short") peer.say("Content-Length: 3\r\n\r\nno");
    if (how == "ended by the connection") peer.say("\r\nno");
    peer.hang_up();
    CHECK(peer.heard.empty());
    peer.client->resume_reading();
    peer.settle();
    CHECK(peer.heard == std::string("head 413;no") + (how == "whole" ? ";complete" : ";reset"));
    CHECK_FALSE(peer.client->reusable());
  }
}

TEST_CASE("an idle connection is spent by a byte or by its end, and notifies") {
  for (const bool by_byte : {true, false}) {
    Peer peer;
    peer.ask();
    peer.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    int spent = 0;
    peer.client->set_on_spent([&] {
      ++spent;
      peer.client.reset();
    });
    by_byte ? peer.say("H") : peer.hang_up();
    CHECK(spent == 1);
  }
}

TEST_CASE("a connection may be destroyed inside its callbacks") {
  Peer peer;
  peer.destroy_on_body = true;
  peer.ask();
  peer.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n2\r\nok\r\n0\r\n\r\n");
  CHECK(peer.heard == "head 200;ok");
}

TEST_CASE("a response that nobody reads for now stays with the upstream") {
  Peer peer;
  peer.ask();
  peer.client->pause_reading();
  peer.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  CHECK(peer.heard.empty());
  peer.client->resume_reading();
  peer.settle();
  CHECK(peer.heard == "head 200;ok;complete");
}

TEST_CASE("a 101 that was asked for hands the connection over, with what came behind it") {
  Peer peer;
  peer.ask();
  peer.client->expect_upgrade("websocket");
  peer.say(
      "HTTP/1.1 103 Early Hints\r\n\r\n"
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\nHTTP/1.1 200 OK?");
  peer.say("more");
  CHECK(peer.heard == "interim 103;switched;HTTP/1.1 200 OK?more");
  CHECK_FALSE(peer.client->reusable());
  CHECK(peer.client->write_pending() == 0);
  peer.client.reset();
  peer.hang_up();
  CHECK(peer.heard.ends_with(";end"));
}

TEST_CASE("a 101 to another protocol, or in answer to a later request that asked for none, is a bad response") {
  const std::string switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ";
  for (const char* protocol :
       {"h2c", "websocket, h2c", "websocket\r\nUpgrade: h2c", "websocket\r\nContent-Length: 4"}) {
    CAPTURE(protocol);
    Peer peer;
    peer.ask();
    peer.client->expect_upgrade("websocket");
    peer.say(switching + protocol + "\r\n\r\nbytes");
    CHECK(peer.heard == ";bad");
    CHECK_FALSE(peer.client->reusable());
  }
  Peer peer;
  peer.ask();
  peer.client->expect_upgrade("websocket");
  peer.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  peer.ask();
  peer.say(switching + "websocket\r\n\r\nbytes");
  CHECK(peer.heard == "head 200;ok;complete;bad");
}
