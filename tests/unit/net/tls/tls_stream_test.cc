// What a stream over TLS does besides what holds for each stream (stream_end_test.cc, backpressure_test.cc).
#include "unit/net/tls/tls_fixture.h"

using namespace tidegate;
using namespace tidegate::test;

namespace {

ContextPtr any_client() { return client_context({.ca_file = Authority::of_program().ca_file()}); }

template <typename Loop>
struct Scripted {
  explicit Scripted(size_t at_once = SIZE_MAX) : meeting([this](Peer& peer) { server.serve(peer); }) {
    server.handshake_at_once = at_once;
    REQUIRE(meeting.connect(context) == "");
    REQUIRE(meeting.until([this] { return server.complete; }));
  }
  Peer& client() { return meeting.client; }

  ContextPtr context = any_client();
  ScriptedServer server{server_context(Authority::server_of_program())};
  Meeting<Loop> meeting;
};

}  // namespace

TEST_ON_BOTH_RUNTIMES("Records that arrive byte by byte are one stream, the handshake's too") {
  Scripted<Loop> scripted(1);
  scripted.server.say("one record in many pieces", 1);
  scripted.server.say("and another", 7);
  REQUIRE(scripted.meeting.until([&] { return scripted.client().received_bytes == 36; }));
  CHECK(scripted.client().received == "one record in many piecesand another");
}

TEST_ON_BOTH_RUNTIMES("Many records that arrive together are read together") {
  Scripted<Loop> scripted;
  scripted.client().stream->stop_reading();
  for (int i = 0; i < 20; ++i) scripted.server.say("record ");
  settle(scripted.meeting.loop);
  scripted.client().stream->start_reading();
  REQUIRE(scripted.meeting.until([&] { return scripted.client().received_bytes == 140; }));
  CHECK(scripted.client().reads < 20);
}

TEST_ON_BOTH_RUNTIMES("An end of the connection without close_notify is an error, and no end") {
  Scripted<Loop> scripted;
  scripted.server.say("half of it");
  scripted.server.peer->stream->end_writing();
  REQUIRE(scripted.meeting.until([&] { return scripted.client().over(); }));
  CHECK(scripted.client().received == "half of it");
  CHECK_FALSE(scripted.client().ended);
  REQUIRE(scripted.client().error);
  CHECK(scripted.client().error->code == ErrorCode::reset);
  CHECK(scripted.client().error->message.ends_with(" without TLS close_notify: what it sent may not be all of it"));
  CHECK(scripted.client().stream->unread() == net::Stream::Unread::error);
}

TEST_ON_BOTH_RUNTIMES("An end in the middle of a record is an error") {
  Scripted<Loop> scripted;
  scripted.server.send(std::string("\x17\x03\x03\x01\x00half", 9));
  scripted.server.peer->stream->end_writing();
  REQUIRE(scripted.meeting.until([&] { return scripted.client().over(); }));
  CHECK(scripted.client().error);
  CHECK(scripted.client().received_bytes == 0);
}

TEST_ON_BOTH_RUNTIMES("A close_notify is the end, also where the connection stays open, and nothing after it is read") {
  Scripted<Loop> scripted;
  scripted.server.say("all of it");
  scripted.server.engine.send_close_notify();
  scripted.server.send(scripted.server.engine.take_output() + "garbage");
  REQUIRE(scripted.meeting.until([&] { return scripted.client().over(); }));
  CHECK(scripted.client().ended);
  CHECK(scripted.client().stream->unread() == net::Stream::Unread::end);
  scripted.client().stream->write("still heard");
  REQUIRE(scripted.meeting.until([&] { return scripted.server.heard == "still heard"; }));
  settle(scripted.meeting.loop);
  CHECK(scripted.client().errors == 0);
}

TEST_ON_BOTH_RUNTIMES("A record that was changed on its way breaks the connection: nothing of it is read") {
  Scripted<Loop> scripted;
  const std::string_view text = "the amount is 100";
  REQUIRE(scripted.server.engine.write(std::span(&text, 1)) == net::TlsEngine::Step::done);
  std::string record = scripted.server.engine.take_output();
  record.back() ^= 1;
  scripted.server.send(record);
  REQUIRE(scripted.meeting.until([&] { return scripted.client().over(); }));
  CHECK(scripted.client().received_bytes == 0);
  REQUIRE(scripted.client().error);
  CHECK(scripted.client().error->message.starts_with("TLS: the server does not keep to TLS: "));
}

TEST_ON_BOTH_RUNTIMES("Plain bytes behind the handshake break the connection") {
  Scripted<Loop> scripted;
  scripted.server.send("HTTP/1.1 200 OK\r\n\r\n");
  REQUIRE(scripted.meeting.until([&] { return scripted.client().over(); }));
  CHECK(scripted.client().received_bytes == 0);
  CHECK(scripted.client().error);
}

TEST_ON_BOTH_RUNTIMES("Small pieces of one write are one record") {
  Scripted<Loop> scripted;
  const size_t before = scripted.server.peer->received_bytes;
  const std::array<std::string_view, 4> pieces = {"head", "", "1f\r\n", "body"};
  scripted.client().stream->write(pieces);
  REQUIRE(scripted.meeting.until([&] { return scripted.server.heard == "head1f\r\nbody"; }));
  CHECK(scripted.server.peer->received_bytes - before == 12 + 22);  // a record of TLS 1.3 costs 22 bytes
}

TEST_ON_BOTH_RUNTIMES("What has been written and not acknowledged is counted without what TLS adds") {
  Scripted<Loop> scripted;
  scripted.server.peer->stream->stop_reading();
  scripted.client().stream->write(std::string(20'000'000, 'x'));
  CHECK(scripted.client().stream->unacknowledged() <= 20'000'000);
  CHECK(scripted.client().stream->unacknowledged() > 10'000'000);
}

TEST_ON_BOTH_RUNTIMES("What waits for the peer stays counted when something of the peer has been read meanwhile") {
  Scripted<Loop> scripted;
  scripted.server.peer->stream->stop_reading();
  scripted.client().stream->write(std::string(20'000'000, 'x'));
  scripted.server.say("still there?");
  REQUIRE(scripted.meeting.until([&] { return scripted.client().received == "still there?"; }));
  scripted.client().stream->write("yes");
  CHECK(scripted.client().stream->unacknowledged() <= 20'000'003);
  CHECK(scripted.client().stream->unacknowledged() > 10'000'000);
}

TEST_ON_BOTH_RUNTIMES("Further connections to a server are resumed") {
  const ContextPtr context = any_client();
  const ContextPtr serving = server_context(Authority::server_of_program());
  for (const bool resumed : {false, true, true}) {
    ScriptedServer server(serving);
    Meeting<Loop> meeting([&](Peer& peer) { server.serve(peer); });
    REQUIRE(meeting.connect(context) == "");
    REQUIRE(meeting.until([&] { return server.complete; }));
    CHECK(server.engine.was_resumed() == resumed);
    server.say("with its sessions before it");
    REQUIRE(meeting.until([&] { return meeting.client.received_bytes > 0; }));
  }
}

TEST_ON_BOTH_RUNTIMES("Reading is stopped and started again inside each call, from record to record") {
  Scripted<Loop> scripted;
  scripted.client().in_read = [&] { scripted.client().stream->stop_reading(); };
  std::string all;
  for (int i = 0; i < 10; ++i) {
    const std::string text(20'000, static_cast<char>('a' + i));
    all += text;
    scripted.server.say(text);
  }
  while (scripted.client().received_bytes < all.size()) {
    const int reads = scripted.client().reads;
    scripted.client().stream->start_reading();
    REQUIRE(scripted.meeting.until([&] { return scripted.client().reads > reads; }));
    CHECK(scripted.client().reads == reads + 1);
  }
  CHECK(scripted.client().received == all);
}

TEST_ON_BOTH_RUNTIMES("A stream that is destroyed with unread records is silent") {
  Scripted<Loop> scripted;
  scripted.client().in_read = [&] { scripted.client().close(); };
  for (int i = 0; i < 10; ++i) scripted.server.say(std::string(20'000, 'x'));
  REQUIRE(scripted.meeting.until([&] { return scripted.client().reads == 1; }));
  settle(scripted.meeting.loop);
  CHECK(scripted.client().calls_when_closed == 0);
}

TEST_ON_BOTH_RUNTIMES(
    "An end that comes with the last bytes is the end, also for a user that pauses when it gets them") {
  Scripted<Loop> scripted;
  scripted.client().in_read = [&] { scripted.client().stream->stop_reading(); };
  const std::string_view text = "all of it";
  REQUIRE(scripted.server.engine.write(std::span(&text, 1)) == net::TlsEngine::Step::done);
  scripted.server.engine.send_close_notify();
  scripted.server.send(scripted.server.engine.take_output());
  scripted.server.peer->stream->end_writing();
  REQUIRE(scripted.meeting.until([&] { return scripted.client().reads > 0; }));
  settle(scripted.meeting.loop);
  CHECK_FALSE(scripted.client().over());
  CHECK(scripted.client().stream->unread() == net::Stream::Unread::end);
  scripted.client().stream->start_reading();
  REQUIRE(scripted.meeting.until([&] { return scripted.client().over(); }));
  CHECK(scripted.client().ended);
  CHECK(scripted.client().received == "all of it");
}

TEST_ON_BOTH_RUNTIMES("A failure that comes with the last bytes is told to a user that pauses when it gets them") {
  Scripted<Loop> scripted;
  scripted.client().in_read = [&] { scripted.client().stream->stop_reading(); };
  const std::string_view text = "half of it";
  REQUIRE(scripted.server.engine.write(std::span(&text, 1)) == net::TlsEngine::Step::done);
  scripted.server.send(scripted.server.engine.take_output() + "garbage");
  REQUIRE(scripted.meeting.until([&] { return scripted.client().reads > 0; }));
  settle(scripted.meeting.loop);
  CHECK_FALSE(scripted.client().over());
  scripted.client().stream->start_reading();
  REQUIRE(scripted.meeting.until([&] { return scripted.client().over(); }));
  CHECK(scripted.client().error);
}

TEST_ON_BOTH_RUNTIMES("A peer that asks for new keys for ever and reads nothing is disconnected: memory is bounded") {
  Scripted<Loop> scripted;
  scripted.client().stream->write(std::string(Loop::kBeyondBuffers, 'x'));
  scripted.server.peer->stream->stop_reading();
  REQUIRE(scripted.client().stream->write_pending() > 0);
  const size_t held = scripted.client().stream->write_pending();
  for (int i = 0; i < 5000 && !scripted.client().over(); ++i) {
    scripted.server.engine.ask_for_new_key();
    scripted.server.send(scripted.server.engine.take_output());
    if (i % 100 == 0) settle(scripted.meeting.loop);
  }
  REQUIRE(scripted.meeting.until([&] { return scripted.client().over(); }));
  REQUIRE(scripted.client().error);
  CHECK(scripted.client().error->message.ends_with(" asks for new keys again and again, and reads nothing"));
  CHECK(scripted.client().stream->write_pending() < held + 100'000);
}

TEST_ON_BOTH_RUNTIMES("A session is not continued under other files than it began with") {
  const CertificateFiles mine = Authority::of_program().issue("generation", {});
  const ContextPtr context = client_context(
      {.ca_file = Authority::of_program().ca_file(), .cert_file = mine.cert_file, .key_file = mine.key_file});
  const ContextPtr serving = server_context(Authority::server_of_program());
  for (const bool resumed : {false, true, false}) {
    ScriptedServer server(serving);
    Meeting<Loop> meeting([&](Peer& peer) { server.serve(peer); });
    REQUIRE(meeting.connect(context) == "");
    REQUIRE(meeting.until([&] { return server.complete; }));
    CHECK(server.engine.was_resumed() == resumed);
    Authority::of_program().issue("generation", {});
    std::vector<net::TlsFileProblem> problems;
    if (resumed) {
      context->refresh(problems);
      REQUIRE(context->refresh(problems) == net::TlsContext::Refresh::reloaded);
    }
    server.say("with its sessions before it");  // of the connection that began before
    REQUIRE(meeting.until([&] { return meeting.client.received_bytes > 0; }));
  }
}
