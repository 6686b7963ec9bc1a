// What can be known of a connection before anything is reported: what has arrived, and what the peer has received.
#include "unit/net/peer.h"

using namespace tidegate;
using namespace tidegate::test;

using Unread = net::Stream::Unread;

TEST_ON_BOTH_RUNTIMES("bytes that have arrived are seen before they are read, and are gone once they have been") {
  Pair<Loop> pair({.client_reads = false, .server_reads = true});
  CHECK(pair.client.stream->unread() == Unread::nothing);
  pair.server.stream->write("early");
  settle(pair.loop);
  CHECK(pair.client.stream->unread() == Unread::bytes);
  CHECK(pair.client.received.empty());
  pair.client.stream->start_reading();
  REQUIRE(pair.until([&] { return pair.client.received == "early"; }));
  CHECK(pair.client.stream->unread() == Unread::nothing);
}

TEST_ON_BOTH_RUNTIMES("an end is seen before it is reported, behind the bytes, and stays") {
  Pair<Loop> pair({.client_reads = false, .server_reads = true});
  pair.server.stream->write("last");
  pair.server.stream->end_writing();
  settle(pair.loop);
  CHECK(pair.client.stream->unread() == Unread::bytes);
  pair.client.stream->start_reading();
  REQUIRE(pair.until([&] { return pair.client.ended; }));
  CHECK(pair.client.stream->unread() == Unread::end);
}

TEST_ON_BOTH_RUNTIMES("a reset is an error, unless an end came before it") {
  Pair<Loop> reset({.client_reads = false, .server_reads = true});
  reset.server.stream->reset_on_close();
  reset.server.close();
  settle(reset.loop);
  CHECK(reset.client.stream->unread() == Unread::error);

  Pair<Loop> closed({.client_reads = false, .server_reads = true});
  closed.server.close();
  settle(closed.loop);
  CHECK(closed.client.stream->unread() == Unread::end);
  closed.client.stream->write("too late");
  settle(closed.loop);
  CHECK(closed.client.stream->unread() == Unread::end);
  CHECK(closed.client.stream->unacknowledged() == 8);
  closed.client.stream->write("later still");
  settle(closed.loop);
  CHECK(closed.client.stream->unacknowledged() == 19);
}

TEST_ON_BOTH_RUNTIMES("a reset stays one once it has been reported, by a read or by a write") {
  Pair<Loop> read;
  read.server.stream->reset_on_close();
  read.server.close();
  REQUIRE(read.until([&] { return read.client.error.has_value(); }));
  CHECK(read.client.stream->unread() == Unread::error);

  Pair<Loop> written({.client_reads = false, .server_reads = true});
  written.server.stream->reset_on_close();
  written.server.close();
  settle(written.loop);
  written.client.stream->write("too late");
  REQUIRE(written.until([&] { return written.client.error.has_value(); }));
  CHECK(written.client.stream->unread() == Unread::error);

  Pair<Loop> looked_at({.client_reads = false, .server_reads = true});
  looked_at.server.stream->reset_on_close();
  looked_at.server.close();
  settle(looked_at.loop);
  CHECK(looked_at.client.stream->unread() == Unread::error);
  CHECK(looked_at.client.stream->unread() == Unread::error);
}

TEST_ON_BOTH_RUNTIMES("a reset that a write finds before a read is reported as one, and never as an end") {
  Pair<Loop> pair;
  pair.client.reads_after_write_failure = true;
  pair.server.stream->write("not all");
  REQUIRE(pair.until([&] { return pair.client.received == "not all"; }));
  pair.server.stream->reset_on_close();
  pair.server.close();
  pair.client.stream->write("too late");
  REQUIRE(pair.until([&] { return pair.client.over(); }));
  CHECK_FALSE(pair.client.ended);
  CHECK(pair.client.error);
  settle(pair.loop);
  CHECK(pair.client.errors == 1);
}

TEST_ON_BOTH_RUNTIMES("what the peer's end acknowledges has reached it, also if the peer then resets") {
  Pair<Loop> pair({.client_reads = false, .server_reads = true});
  pair.client.stream->write("in time");
  REQUIRE(pair.until([&] { return pair.server.received == "in time"; }));
  pair.server.close();
  settle(pair.loop);
  CHECK(pair.client.stream->unread() == Unread::end);
  CHECK(pair.client.stream->unacknowledged() == 0);
  pair.client.stream->write("late");
  settle(pair.loop);
  CHECK(pair.client.stream->unacknowledged() == 4);
}
