// A reader that stops makes the writer hold: pending bytes grow there and nowhere else, and none is lost or moved.
#include <algorithm>
#include <array>

#include "base/random.h"
#include "unit/net/peer.h"

using namespace tidegate;
using namespace tidegate::test;

namespace {

std::string noise(size_t bytes, uint64_t seed) {
  Random random(seed);
  std::string text(bytes, '\0');
  for (char& c : text) c = static_cast<char>(random.next() >> 56);
  return text;
}

}  // namespace

TEST_ON_BOTH_RUNTIMES(
    "A reader that does not read makes the writer's pending bytes grow, and drain once when it does") {
  Pair<Loop> pair({.client_reads = true, .server_reads = false});
  const std::string bytes = noise(8'000'000, 1);
  pair.client.stream->write(bytes);
  settle(pair.loop);
  const size_t held = pair.client.stream->write_pending();
  CHECK(held > 0);
  CHECK(pair.client.drains == 0);
  pair.client.stream->write("!");
  CHECK(pair.client.stream->write_pending() == held + 1);
  size_t pending_when_drained = 1;
  pair.client.in_drained = [&] { pending_when_drained = pair.client.stream->write_pending(); };

  pair.server.stream->start_reading();
  REQUIRE(pair.until([&] { return pair.server.received_bytes == bytes.size() + 1; }));
  REQUIRE(pair.until([&] { return pair.client.drains == 1; }));
  CHECK(pending_when_drained == 0);
  CHECK(pair.server.received == bytes + "!");
  settle(pair.loop);
  CHECK(pair.client.drains == 1);
}

TEST_ON_EVERY_STREAM("A write that is taken at once drains nothing") {
  Pair<Loop> pair;
  pair.client.stream->write("small");
  CHECK(pair.client.stream->write_pending() == 0);
  REQUIRE(pair.until([&] { return pair.server.received == "small"; }));
  settle(pair.loop);
  CHECK(pair.client.drains == 0);
}

TEST_ON_EVERY_STREAM("An empty write has no effect") {
  Pair<Loop> pair;
  pair.client.stream->write(std::string_view());
  pair.client.stream->write(std::span<const std::string_view>());
  const std::array<std::string_view, 3> pieces = {"", "a", ""};
  pair.client.stream->write(pieces);
  REQUIRE(pair.until([&] { return pair.server.received == "a"; }));
  CHECK(pair.client.drains == 0);
}

TEST_ON_EVERY_STREAM("Many pieces in one write arrive in order, whether they fit or not") {
  Pair<Loop> pair({.client_reads = true, .server_reads = false});
  const std::string bytes = noise(5'000'000, 2);
  std::vector<std::string_view> pieces;
  for (size_t at = 0, size = 0; at < bytes.size(); at += size) {
    size = pieces.size() % 5 == 0 ? 0 : std::min<size_t>(bytes.size() - at, 1 + pieces.size() * 37 % 90'000);
    pieces.push_back(std::string_view(bytes).substr(at, size));
  }
  REQUIRE(pieces.size() > 50);
  pair.client.stream->write(pieces);
  pair.server.stream->start_reading();
  REQUIRE(pair.until([&] { return pair.server.received_bytes == bytes.size(); }));
  CHECK(pair.server.received == bytes);
}

TEST_ON_EVERY_STREAM("Bytes handed to write need not outlive the call") {
  Pair<Loop> pair({.client_reads = true, .server_reads = false});
  const std::string bytes = noise(3'000'000, 3);
  {
    std::string borrowed = bytes;
    pair.client.stream->write(borrowed);
    std::fill(borrowed.begin(), borrowed.end(), '?');
  }
  pair.server.stream->start_reading();
  REQUIRE(pair.until([&] { return pair.server.received_bytes == bytes.size(); }));
  CHECK(pair.server.received == bytes);
}

TEST_ON_EVERY_STREAM("stop_reading inside on_read holds from the next byte on, again and again") {
  Pair<Loop> pair;
  const std::string bytes = noise(3'000'000, 4);
  pair.server.in_read = [&] { pair.server.stream->stop_reading(); };
  pair.client.stream->write(bytes);
  REQUIRE(pair.until([&] { return pair.server.reads == 1; }));
  settle(pair.loop);
  CHECK(pair.server.reads == 1);
  for (int reads = 1; pair.server.received_bytes < bytes.size(); ++reads) {
    pair.server.stream->start_reading();
    REQUIRE(pair.until([&] { return pair.server.reads > reads; }));
    REQUIRE(pair.server.reads == reads + 1);
  }
  CHECK(pair.server.received == bytes);
}

TEST_ON_EVERY_STREAM("Stopped and started again within one on_read, reading goes on") {
  Pair<Loop> pair;
  pair.server.in_read = [&] {
    pair.server.stream->stop_reading();
    pair.server.stream->start_reading();
  };
  const std::string bytes = noise(2'000'000, 5);
  pair.client.stream->write(bytes);
  REQUIRE(pair.until([&] { return pair.server.received_bytes == bytes.size(); }));
  CHECK(pair.server.received == bytes);
}

TEST_ON_EVERY_STREAM("A writer that only writes when drained moves several megabytes in order, both ways at once") {
  Pair<Loop> pair;
  const std::string there = noise(4'000'000, 6), back = noise(4'000'000, 7);
  struct Pump {
    Peer& peer;
    const std::string& bytes;
    size_t sent = 0;
    void go() {
      while (sent < bytes.size() && peer.stream->write_pending() == 0) {
        const std::string_view piece = std::string_view(bytes).substr(sent, 300'000);
        sent += piece.size();
        peer.stream->write(piece);
      }
    }
  };
  Pump out{pair.client, there}, in{pair.server, back};
  pair.client.in_drained = [&] { out.go(); };
  pair.server.in_drained = [&] { in.go(); };
  out.go();
  in.go();
  REQUIRE(pair.until(
      [&] { return pair.server.received_bytes == there.size() && pair.client.received_bytes == back.size(); }));
  CHECK(pair.server.received == there);
  CHECK(pair.client.received == back);
}

TEST_ON_EVERY_STREAM("A write inside on_write_drained that does not fit is drained once more") {
  Pair<Loop> pair({.client_reads = true, .server_reads = false});
  pair.server.keep = false;
  int rounds = 0;
  pair.client.in_drained = [&] {
    if (++rounds < 3) pair.client.stream->write(noise(Loop::kBeyondBuffers, 8));
  };
  pair.client.stream->write(noise(Loop::kBeyondBuffers, 8));
  REQUIRE(pair.client.stream->write_pending() > 0);
  pair.server.stream->start_reading();
  REQUIRE(pair.until([&] { return pair.server.received_bytes == 3 * Loop::kBeyondBuffers; }));
  REQUIRE(pair.until([&] { return rounds == 3; }));
}

TEST_ON_EVERY_STREAM("A stream's user can be replaced while bytes come") {
  Pair<Loop> pair;
  Peer second;
  pair.client.stream->write("for the first");
  REQUIRE(pair.until([&] { return pair.server.received == "for the first"; }));
  second.adopt(std::move(pair.server.stream), false);
  pair.client.stream->write("for the second");
  REQUIRE(pair.until([&] { return second.received == "for the second"; }));
  CHECK(pair.server.received == "for the first");
  CHECK(pair.server.calls_when_closed == 0);
}
