#include "loopback/cases/piece_sender.h"

#include "loopback/fixture.h"

namespace tidegate::loopback {

namespace {

// Notes each read of the first connection that it accepts.
class ReadNote final : net::StreamUser {
 public:
  explicit ReadNote(net::Runtime& runtime) {
    auto listening = runtime.listen(*SocketAddress::parse("127.0.0.1:0"), [this](std::unique_ptr<net::Stream> stream) {
      stream_ = std::move(stream);
      stream_->set_user(this);
      stream_->start_reading();
    });
    REQUIRE(listening.ok());
    listener_ = std::move(*listening);
  }
  SocketAddress address() const { return listener_->address(); }
  bool is_connected() const { return stream_ != nullptr; }

  std::vector<std::string> reads;

 private:
  void on_read(std::string_view bytes) override { reads.emplace_back(bytes); }
  void on_read_end() override {}
  void on_stream_error(const Error&) override {}
  void on_write_drained() override {}

  std::unique_ptr<net::Listener> listener_;
  std::unique_ptr<net::Stream> stream_;
};

std::vector<std::string> reads_of(const std::string& bytes, const Cuts& cuts) {
  Fixture fixture;
  ReadNote note(fixture.runtime);
  std::unique_ptr<net::Stream> stream;
  const auto connecting = fixture.runtime.connect(
      note.address(), [&](Result<std::unique_ptr<net::Stream>> connected) { stream = std::move(*connected); });
  fixture.until("it is connected", [&] { return stream && note.is_connected(); });
  PieceSender sender(bytes, cuts);
  net::Timer tick(fixture.runtime, [] {});
  while (!sender.is_done()) {
    if (!tick.active()) tick.start_after(1ms);
    fixture.runtime.run_once();
    sender.step(*stream);
  }
  return note.reads;
}

}  // namespace

TEST_CASE("each piece is a read of its own, and all have been read when the sender is done") {
  CHECK(reads_of("abcdef", {}) == std::vector<std::string>{"abcdef"});
  CHECK(reads_of("abcdef", {1, 4}) == std::vector<std::string>{"a", "bcd", "ef"});
  const std::string many(1000, 'x');
  CHECK(reads_of(many, every_byte(many.size())).size() == many.size());
}

}  // namespace tidegate::loopback
