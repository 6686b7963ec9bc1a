// How connections end: FIN each way, RST, and owners that let go inside a callback.
#include "unit/net/peer.h"

using namespace tidegate;
using namespace tidegate::test;

namespace {

std::string block(size_t bytes) { return std::string(bytes, 'x'); }

}  // namespace

TEST_IN_WORLDS("After the peer's FIN one may still write, and the peer reads it") {
  Pair<World> pair;
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

TEST_IN_WORLDS("FIN goes behind all pending bytes") {
  Pair<World> pair({.client_reads = true, .server_reads = false});
  const std::string bytes = block(World::kBeyondBuffers);
  pair.client.stream->write(bytes);
  REQUIRE(pair.client.stream->write_pending() > 0);
  pair.client.stream->end_writing();
  pair.server.stream->start_reading();
  REQUIRE(pair.until([&] { return pair.server.ended; }));
  CHECK(pair.server.received == bytes);
  CHECK(pair.client.stream->write_pending() == 0);
}

TEST_IN_WORLDS("The end is told once, however often reading is started again") {
  Pair<World> pair;
  pair.client.stream->end_writing();
  pair.client.stream->end_writing();
  REQUIRE(pair.until([&] { return pair.server.ended; }));
  pair.server.stream->start_reading();
  settle(pair.world);
  pair.server.stream->stop_reading();
  pair.server.stream->start_reading();
  settle(pair.world);
  CHECK(pair.server.ends == 1);
  CHECK(pair.server.errors == 0);
}

TEST_IN_WORLDS("A stream that does not read is not told of the end until it does") {
  Pair<World> pair({.client_reads = true, .server_reads = false});
  pair.client.stream->write("last words");
  pair.client.close();
  settle(pair.world);
  CHECK(pair.server.reads + pair.server.ends == 0);
  pair.server.stream->start_reading();
  REQUIRE(pair.until([&] { return pair.server.ended; }));
  CHECK(pair.server.received == "last words");
}

TEST_IN_WORLDS("Destroying a stream that has read all is a FIN") {
  Pair<World> pair;
  pair.client.stream->write("bye");
  REQUIRE(pair.until([&] { return pair.server.received == "bye"; }));
  pair.client.close();
  REQUIRE(pair.until([&] { return pair.server.over(); }));
  CHECK(pair.server.ended);
  CHECK_FALSE(pair.server.error);
}

TEST_IN_WORLDS("reset_on_close makes the destruction a reset") {
  Pair<World> pair;
  pair.client.stream->write("half a mess");
  REQUIRE(pair.until([&] { return pair.server.received == "half a mess"; }));
  pair.client.stream->reset_on_close();
  settle(pair.world);
  CHECK_FALSE(pair.server.over());  // the coming destruction only
  pair.client.close();
  REQUIRE(pair.until([&] { return pair.server.over(); }));
  REQUIRE(pair.server.error);
  CHECK(pair.server.error->code == ErrorCode::reset);
  CHECK(pair.server.ends == 0);
  CHECK(pair.server.errors == 1);
}

TEST_IN_WORLDS("Closing with unread bytes resets: the peer learns that they were not taken") {
  Pair<World> pair({.client_reads = true, .server_reads = false});
  pair.client.stream->write("never read");
  settle(pair.world);
  pair.server.close();
  REQUIRE(pair.until([&] { return pair.client.over(); }));
  REQUIRE(pair.client.error);
  CHECK(pair.client.error->code == ErrorCode::reset);
}

TEST_IN_WORLDS("Writing to a peer that has closed fails later, never inside write") {
  Pair<World> pair;
  pair.server.close();
  REQUIRE(pair.until([&] { return pair.client.ended; }));
  // The first write draws the reset; one of those after it finds it.
  for (int i = 0; i < 100 && !pair.client.error; ++i) {
    const int errors = pair.client.errors;
    pair.client.stream->write("anyone?");
    CHECK(pair.client.errors == errors);
    settle(pair.world);
  }
  REQUIRE(pair.client.error);
  CHECK(pair.client.error->code == ErrorCode::reset);
  pair.client.stream->write("to nobody");
  settle(pair.world);
  CHECK(pair.client.errors == 1);
}

TEST_IN_WORLDS("A write after a reset fails although bytes are still unread and nobody reads") {
  Pair<World> pair({.client_reads = false, .server_reads = true});
  pair.server.stream->write("an early answer");
  settle(pair.world);
  pair.server.stream->reset_on_close();
  pair.server.close();
  settle(pair.world);
  CHECK_FALSE(pair.client.error);
  pair.client.stream->write("more of the request");
  CHECK_FALSE(pair.client.error);
  REQUIRE(pair.until([&] { return pair.client.error.has_value(); }));
  CHECK(pair.client.error->code == ErrorCode::reset);
}

TEST_IN_WORLDS("A reset is told to a writer that waits for room") {
  Pair<World> pair({.client_reads = false, .server_reads = false});
  pair.client.stream->write(block(World::kBeyondBuffers));
  REQUIRE(pair.client.stream->write_pending() > 0);
  settle(pair.world);
  pair.server.stream->reset_on_close();
  pair.server.close();
  REQUIRE(pair.until([&] { return pair.client.error.has_value(); }));
  CHECK(pair.client.error->code == ErrorCode::reset);
  CHECK(pair.client.drains == 0);
}

TEST_IN_WORLDS("A stream may be destroyed inside on_read, with more unread") {
  Pair<World> pair;
  pair.server.in_read = [&] { pair.server.close(); };
  pair.client.stream->write(block(World::kBeyondBuffers));
  // What was unread makes it a reset.
  REQUIRE(pair.until([&] { return pair.client.error.has_value(); }));
  CHECK(pair.client.error->code == ErrorCode::reset);
  settle(pair.world);
  CHECK(pair.server.reads == 1);
  CHECK(pair.server.calls_when_closed == 0);
}

TEST_IN_WORLDS("A stream may be destroyed inside on_read_end") {
  Pair<World> pair;
  pair.server.in_end = [&] { pair.server.close(); };
  pair.client.stream->end_writing();
  REQUIRE(pair.until([&] { return pair.client.ended; }));
  settle(pair.world);
  CHECK(pair.server.ends == 1);
  CHECK(pair.server.calls_when_closed == 0);
}

TEST_IN_WORLDS("A stream may be destroyed inside on_stream_error") {
  Pair<World> pair;
  pair.server.in_error = [&] { pair.server.close(); };
  pair.client.stream->reset_on_close();
  pair.client.close();
  REQUIRE(pair.until([&] { return pair.server.errors == 1; }));
  settle(pair.world);
  CHECK(pair.server.calls_when_closed == 0);
}

TEST_IN_WORLDS("A stream may be destroyed inside on_write_drained") {
  Pair<World> pair({.client_reads = true, .server_reads = false});
  pair.client.in_drained = [&] { pair.client.close(); };
  pair.client.stream->write(block(World::kBeyondBuffers));
  REQUIRE(pair.client.stream->write_pending() > 0);
  pair.server.keep = false;
  pair.server.stream->start_reading();
  REQUIRE(pair.until([&] { return pair.server.ended; }));
  CHECK(pair.server.received_bytes == World::kBeyondBuffers);
  CHECK(pair.client.drains == 1);
  CHECK(pair.client.calls_when_closed == 0);
}

TEST_IN_WORLDS("A failed write's owner may destroy the stream before the failure is told: silence") {
  Pair<World> pair({.client_reads = false, .server_reads = true});
  pair.server.stream->reset_on_close();
  pair.server.close();
  settle(pair.world);
  pair.client.stream->write("into the void");
  pair.client.close();
  settle(pair.world);
  CHECK(pair.client.errors == 0);
  CHECK(pair.client.calls_when_closed == 0);
}

TEST_IN_WORLDS("Closing with a write under way drops the unsent bytes and is silent") {
  Pair<World> pair({.client_reads = true, .server_reads = false});
  pair.client.stream->write(block(World::kBeyondBuffers));
  REQUIRE(pair.client.stream->write_pending() > 0);
  pair.client.close();
  pair.server.keep = false;
  pair.server.stream->start_reading();
  REQUIRE(pair.until([&] { return pair.server.over(); }));
  CHECK(pair.server.received_bytes < World::kBeyondBuffers);
  CHECK(pair.client.calls_when_closed == 0);
  CHECK(pair.client.drains == 0);
}
