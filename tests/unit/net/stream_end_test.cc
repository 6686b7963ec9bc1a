// How connections end: FIN each way, RST, and owners that let go inside a callback.
#include "unit/net/peer.h"

using namespace tidegate;
using namespace tidegate::test;

namespace {

std::string block(size_t bytes) { return std::string(bytes, 'x'); }

}  // namespace

TEST_ON_EVERY_STREAM("After the peer's FIN one may still write, and the peer reads it") {
  Pair<Loop> pair;
  pair.client.stream->write("question");
  pair.client.stream->end_writing();
  REQUIRE(pair.until([&] { return pair.server.ended; }));
  CHECK(pair.server.received == "question");
  pair.server.stream->write("answer");
  pair.server.stream->end_writing();
  REQUIRE(pair.until([&] { return pair.client.ended; }));
  CHECK(pair.client.received == "answer");
  CHECK(pair.client.errors + pair.server.errors == 0);
}

TEST_ON_EVERY_STREAM("FIN goes behind all pending bytes") {
  Pair<Loop> pair({.client_reads = true, .server_reads = false});
  const std::string bytes = block(Loop::kBeyondBuffers);
  pair.client.stream->write(bytes);
  REQUIRE(pair.client.stream->write_pending() > 0);
  pair.client.stream->end_writing();
  pair.server.stream->start_reading();
  REQUIRE(pair.until([&] { return pair.server.ended; }));
  CHECK(pair.server.received == bytes);
  CHECK(pair.client.stream->write_pending() == 0);
}

TEST_ON_EVERY_STREAM("The end is reported once, however often reading is started again") {
  Pair<Loop> pair;
  pair.client.stream->end_writing();
  pair.client.stream->end_writing();
  REQUIRE(pair.until([&] { return pair.server.ended; }));
  pair.server.stream->start_reading();
  settle(pair.loop);
  pair.server.stream->stop_reading();
  pair.server.stream->start_reading();
  settle(pair.loop);
  CHECK(pair.server.ends == 1);
  CHECK(pair.server.errors == 0);
}

TEST_ON_EVERY_STREAM("A stream that does not read is not notified of the end until it does") {
  Pair<Loop> pair({.client_reads = true, .server_reads = false});
  pair.client.stream->write("last words");
  pair.client.close();
  settle(pair.loop);
  CHECK(pair.server.reads + pair.server.ends == 0);
  pair.server.stream->start_reading();
  REQUIRE(pair.until([&] { return pair.server.ended; }));
  CHECK(pair.server.received == "last words");
}

TEST_ON_EVERY_STREAM("Destroying a stream that has read all is a FIN") {
  Pair<Loop> pair;
  pair.client.stream->write("bye");
  REQUIRE(pair.until([&] { return pair.server.received == "bye"; }));
  pair.client.close();
  REQUIRE(pair.until([&] { return pair.server.over(); }));
  CHECK(pair.server.ended);
  CHECK_FALSE(pair.server.error);
}

TEST_ON_EVERY_STREAM("reset_on_close makes the destruction a reset, whose error names the peer") {
  Pair<Loop> pair;
  const std::string peer = pair.server.stream->peer().to_string();
  pair.client.stream->write("half a mess");
  REQUIRE(pair.until([&] { return pair.server.received == "half a mess"; }));
  pair.client.stream->reset_on_close();
  settle(pair.loop);
  CHECK_FALSE(pair.server.over());  // the coming destruction only
  pair.client.close();
  REQUIRE(pair.until([&] { return pair.server.over(); }));
  REQUIRE(pair.server.error);
  CHECK(pair.server.error->code == ErrorCode::reset);
  CHECK(pair.server.error->message == "connection reset by " + peer);
  CHECK(pair.server.stream->peer().to_string() == peer);
  CHECK(pair.server.ends == 0);
  CHECK(pair.server.errors == 1);
}

TEST_ON_EVERY_STREAM("Closing with unread bytes resets: the peer learns that they were not taken") {
  Pair<Loop> pair({.client_reads = true, .server_reads = false});
  pair.client.stream->write("never read");
  settle(pair.loop);
  pair.server.close();
  REQUIRE(pair.until([&] { return pair.client.over(); }));
  REQUIRE(pair.client.error);
  CHECK(pair.client.error->code == ErrorCode::reset);
}

TEST_ON_EVERY_STREAM("A reset behind the last bytes is a reset, and not the end") {
  Pair<Loop> pair({.client_reads = false, .server_reads = true});
  pair.server.stream->write("half of it");
  settle(pair.loop);
  pair.server.stream->reset_on_close();
  pair.server.close();
  settle(pair.loop);
  pair.client.stream->start_reading();
  REQUIRE(pair.until([&] { return pair.client.over(); }));
  CHECK(pair.client.received == "half of it");
  CHECK(pair.client.ends == 0);
  REQUIRE(pair.client.error);
  CHECK(pair.client.error->code == ErrorCode::reset);
}

TEST_ON_EVERY_STREAM("Writing to a peer that has closed fails later, never inside write") {
  Pair<Loop> pair;
  pair.server.close();
  REQUIRE(pair.until([&] { return pair.client.ended; }));
  // The first write draws the reset; one of those after it finds it.
  for (int i = 0; i < 100 && !pair.client.error; ++i) {
    const int errors = pair.client.errors;
    pair.client.stream->write("anyone?");
    CHECK(pair.client.errors == errors);
    settle(pair.loop);
  }
  REQUIRE(pair.client.error);
  CHECK(pair.client.error->code == ErrorCode::reset);
  CHECK(pair.client.error->message.ends_with(" by " + pair.client.stream->peer().to_string()));
  pair.client.stream->write("to nobody");
  settle(pair.loop);
  CHECK(pair.client.errors == 1);
}

TEST_ON_EVERY_STREAM("A write after a reset fails although bytes are still unread and nobody reads") {
  Pair<Loop> pair({.client_reads = false, .server_reads = true});
  pair.server.stream->write("an early answer");
  settle(pair.loop);
  pair.server.stream->reset_on_close();
  pair.server.close();
  settle(pair.loop);
  CHECK_FALSE(pair.client.error);
  pair.client.stream->write("more of the request");
  CHECK_FALSE(pair.client.error);
  REQUIRE(pair.until([&] { return pair.client.error.has_value(); }));
  CHECK(pair.client.error->code == ErrorCode::reset);
}

TEST_ON_EVERY_STREAM("What a peer sent before it closed is read after a failed write, by a user that wants it") {
  Pair<Loop> pair({.client_reads = false, .server_reads = true});
  pair.client.reads_after_write_failure = true;
  pair.server.stream->write("an early answer");
  settle(pair.loop);
  pair.server.stream->reset_on_close();
  pair.server.close();
  settle(pair.loop);
  pair.client.stream->write("more of the request");
  pair.client.stream->start_reading();
  REQUIRE(pair.until([&] { return pair.client.over(); }));
  CHECK(pair.client.write_failures == 1);
  CHECK(pair.client.received == "an early answer");
  CHECK(pair.client.ends + pair.client.errors == 1);
  CHECK(pair.client.stream->write_pending() == 0);
}

TEST_ON_EVERY_STREAM("The same with a write under way: what is unsent is dropped") {
  Pair<Loop> pair({.client_reads = false, .server_reads = false});
  pair.client.reads_after_write_failure = true;
  pair.client.stream->write(block(Loop::kBeyondBuffers));
  REQUIRE(pair.client.stream->write_pending() > 0);
  pair.server.stream->write("no more, please");
  settle(pair.loop);
  pair.server.close();
  REQUIRE(pair.until([&] { return pair.client.write_failures == 1; }));
  CHECK(pair.client.stream->write_pending() == 0);
  pair.client.stream->write("to nobody");
  pair.client.stream->start_reading();
  REQUIRE(pair.until([&] { return pair.client.over(); }));
  CHECK(pair.client.received == "no more, please");
  CHECK(pair.client.write_failures == 1);
  CHECK(pair.client.drains == 0);
}

TEST_ON_EVERY_STREAM("A reset is reported to a writer that waits for room") {
  Pair<Loop> pair({.client_reads = false, .server_reads = false});
  pair.client.stream->write(block(Loop::kBeyondBuffers));
  REQUIRE(pair.client.stream->write_pending() > 0);
  settle(pair.loop);
  pair.server.stream->reset_on_close();
  pair.server.close();
  REQUIRE(pair.until([&] { return pair.client.error.has_value(); }));
  CHECK(pair.client.error->code == ErrorCode::reset);
  CHECK(pair.client.drains == 0);
}

TEST_ON_EVERY_STREAM("A stream may be destroyed inside on_read, with more unread") {
  Pair<Loop> pair;
  pair.server.in_read = [&] { pair.server.close(); };
  pair.client.stream->write(block(Loop::kBeyondBuffers));
  // What was unread makes it a reset.
  REQUIRE(pair.until([&] { return pair.client.error.has_value(); }));
  CHECK(pair.client.error->code == ErrorCode::reset);
  settle(pair.loop);
  CHECK(pair.server.reads == 1);
  CHECK(pair.server.calls_when_closed == 0);
}

TEST_ON_EVERY_STREAM("A stream may be destroyed inside on_read_end") {
  Pair<Loop> pair;
  pair.server.in_end = [&] { pair.server.close(); };
  pair.client.stream->end_writing();
  REQUIRE(pair.until([&] { return pair.client.ended; }));
  settle(pair.loop);
  CHECK(pair.server.ends == 1);
  CHECK(pair.server.calls_when_closed == 0);
}

TEST_ON_EVERY_STREAM("A stream may be destroyed inside on_stream_error") {
  Pair<Loop> pair;
  pair.server.in_error = [&] { pair.server.close(); };
  pair.client.stream->reset_on_close();
  pair.client.close();
  REQUIRE(pair.until([&] { return pair.server.errors == 1; }));
  settle(pair.loop);
  CHECK(pair.server.calls_when_closed == 0);
}

TEST_ON_EVERY_STREAM("A stream may be destroyed inside on_write_drained") {
  Pair<Loop> pair({.client_reads = true, .server_reads = false});
  pair.client.in_drained = [&] { pair.client.close(); };
  pair.client.stream->write(block(Loop::kBeyondBuffers));
  REQUIRE(pair.client.stream->write_pending() > 0);
  pair.server.keep = false;
  pair.server.stream->start_reading();
  REQUIRE(pair.until([&] { return pair.server.ended; }));
  CHECK(pair.server.received_bytes == Loop::kBeyondBuffers);
  CHECK(pair.client.drains == 1);
  CHECK(pair.client.calls_when_closed == 0);
}

TEST_ON_EVERY_STREAM("A failed write's owner may destroy the stream before the failure is reported: silence") {
  Pair<Loop> pair({.client_reads = false, .server_reads = true});
  pair.server.stream->reset_on_close();
  pair.server.close();
  settle(pair.loop);
  pair.client.stream->write("into the void");
  pair.client.close();
  settle(pair.loop);
  CHECK(pair.client.errors == 0);
  CHECK(pair.client.calls_when_closed == 0);
}

TEST_ON_EVERY_STREAM("Closing with a write under way drops the unsent bytes and is silent") {
  Pair<Loop> pair({.client_reads = true, .server_reads = false});
  pair.client.stream->write(block(Loop::kBeyondBuffers));
  REQUIRE(pair.client.stream->write_pending() > 0);
  pair.client.close();
  pair.server.keep = false;
  pair.server.stream->start_reading();
  REQUIRE(pair.until([&] { return pair.server.over(); }));
  CHECK(pair.server.received_bytes < Loop::kBeyondBuffers);
  CHECK(pair.client.calls_when_closed == 0);
  CHECK(pair.client.drains == 0);
}
