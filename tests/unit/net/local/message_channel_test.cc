// Messages between processes, with descriptors.
#include "net/local/message_channel.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "net/local/stop_signals.h"
#include "unit/net/both_runtimes.h"

using namespace tidegate;
using namespace tidegate::net;
using namespace tidegate::test;

namespace {

Descriptor file_with(const std::string& text) {
  std::string name = std::filesystem::temp_directory_path() / "tidegate-message-XXXXXX";
  Descriptor file(::mkstemp(name.data()));
  REQUIRE(::unlink(name.c_str()) == 0);
  REQUIRE(::write(file.number(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  return file;
}

std::string text_of(const Descriptor& file) {
  std::string text(100, '\0');
  const ssize_t got = ::pread(file.number(), text.data(), text.size(), 0);
  text.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
  return text;
}

std::string why_not_at(const std::string& path) {
  const Status place = MessageSocket::check_place(path);
  return place ? "" : place.error().message;
}

Message message_with(const std::string& text, const std::vector<std::string>& files = {}) {
  Message message;
  message.text = text;
  for (const std::string& each : files) message.descriptors.push_back(file_with(each));
  return message;
}

}  // namespace

TEST_CASE("a message arrives whole, whatever its length, with its descriptors in order") {
  for (const size_t length : {size_t{0}, size_t{1}, size_t{32} << 10, (size_t{32} << 10) + 1, size_t{3} << 20}) {
    auto [ours, theirs] = MessageSocket::pair();
    REQUIRE(ours.send(message_with(std::string(length, 'x'), {"one", "two"})).ok());
    auto got = theirs.receive();
    REQUIRE(got.ok());
    CHECK(got->text == std::string(length, 'x'));
    REQUIRE(got->descriptors.size() == 2);
    CHECK(text_of(got->descriptors[0]) == "one");
    CHECK(text_of(got->descriptors[1]) == "two");
  }
}

TEST_CASE("who waits for a message is told that there is none, that none came in time, and that none will come") {
  auto [ours, theirs] = MessageSocket::pair();
  CHECK(ours.receive().error().code == ErrorCode::unavailable);
  CHECK(ours.receive_within(1ms).error().code == ErrorCode::timeout);
  REQUIRE(theirs.send(message_with("last")).ok());
  { const MessageSocket ended = std::move(theirs); }
  CHECK(ours.receive_within(1s)->text == "last");
  CHECK(ours.receive_within(1s).error().code == ErrorCode::reset);
  CHECK(ours.send(message_with("more")).error().code == ErrorCode::reset);
}

TEST_CASE("a channel keeps what the other end has not read yet, in order") {
  UvLoop loop;
  auto [ours, theirs] = MessageSocket::pair();
  std::vector<std::string> received;
  MessageChannel sender(loop.impl, std::move(ours), {[](Message) {}, [](const Error&) {}});
  constexpr int kMany = 2000;
  for (int i = 0; i < kMany; ++i) sender.send(message_with(std::to_string(i) + std::string(1000, ' ')));
  MessageChannel receiver(loop.impl, std::move(theirs),
                          {[&](Message message) { received.push_back(std::move(message.text)); }, [](const Error&) {}});
  REQUIRE(loop.run_until([&] { return received.size() == kMany; }));
  for (int i = 0; i < kMany; ++i) CHECK(std::stoi(received[static_cast<size_t>(i)]) == i);
}

TEST_CASE(
    "the end of the other process is told once, after all that it has sent; a channel may end within its callback") {
  UvLoop loop;
  auto [ours, theirs] = MessageSocket::pair();
  std::vector<std::string> seen;
  std::unique_ptr<MessageChannel> channel;
  channel = std::make_unique<MessageChannel>(
      loop.impl, std::move(ours),
      MessageChannel::Callbacks{[&](Message message) { seen.push_back(std::move(message.text)); },
                                [&](const Error& error) {
                                  seen.push_back(to_string(error.code));
                                  channel.reset();
                                }});
  REQUIRE(theirs.send(message_with("a")).ok());
  REQUIRE(theirs.send(message_with("b")).ok());
  theirs.shut_down();
  REQUIRE(loop.run_until([&] { return !channel; }));
  CHECK(seen == std::vector<std::string>{"a", "b", "reset"});
}

TEST_CASE("a listening socket is its user's alone, replaces the one before, and knows who connects") {
  UvLoop loop;
  const std::string path = std::filesystem::temp_directory_path() / ("tidegate-socket-" + std::to_string(::getpid()));
  CHECK(MessageSocket::connect(path).error().code == ErrorCode::not_found);
  std::optional<MessagePeer> before, after;
  auto first = MessageListener::listen(loop.impl, path, [&](MessageSocket socket) { before = socket.peer(); });
  REQUIRE(first.ok());
  struct stat state {};
  REQUIRE(::stat(path.c_str(), &state) == 0);
  CHECK((state.st_mode & 0777) == 0600);
  auto second = MessageListener::listen(loop.impl, path, [&](MessageSocket socket) { after = socket.peer(); });
  REQUIRE(second.ok());
  auto connected = MessageSocket::connect(path);
  REQUIRE(connected.ok());
  REQUIRE(loop.run_until([&] { return after.has_value(); }));
  CHECK(!before);
  CHECK(after->process == ::getpid());
  CHECK(after->user == ::geteuid());
  second->reset();
  loop.impl.run_once();
  CHECK(MessageSocket::connect(path).error().code == ErrorCode::refused);
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  CHECK(MessageSocket::listen(path).error().code == ErrorCode::conflict);
  std::filesystem::remove(path);
  CHECK(MessageSocket::listen("/nowhere/at/all").error().code == ErrorCode::not_found);
  CHECK(MessageSocket::listen("/" + std::string(200, 'x')).error().code == ErrorCode::invalid);
}

TEST_CASE("a wait for a message is ended by a signal to stop, which does what it did before once nobody waits so") {
  auto [ours, theirs] = MessageSocket::pair();
  struct sigaction before {
  }, after{};
  REQUIRE(::sigaction(SIGTERM, nullptr, &before) == 0);
  for (const auto& [number, name] : {std::pair{SIGTERM, "SIGTERM"}, std::pair{SIGINT, "SIGINT"}}) {
    const StopSignals stop;
    CHECK(std::string(stop.came()) == "");
    CHECK(ours.receive_within(1ms, stop.descriptor()).error().code == ErrorCode::timeout);
    REQUIRE(::raise(number) == 0);
    CHECK(ours.receive_within(60s, stop.descriptor()).error().code == ErrorCode::cancelled);
    CHECK(std::string(stop.came()) == name);
    REQUIRE(theirs.send(message_with("there already")).ok());
    CHECK(ours.receive_within(60s, stop.descriptor())->text == "there already");
  }
  REQUIRE(::sigaction(SIGTERM, nullptr, &after) == 0);
  const bool same = after.sa_handler == before.sa_handler;
  CHECK(same);
}

TEST_CASE("a wait for a message is no longer for signals that come meanwhile") {
  static volatile std::sig_atomic_t left = 0;
  left = 200;
  const auto every = [](int interval_us) {
    const itimerval timer{{0, interval_us}, {0, interval_us}};
    ::setitimer(ITIMER_REAL, &timer, nullptr);
  };
  const auto before = std::signal(SIGALRM, [](int) {
    const itimerval never{};
    left = left - 1;
    if (left == 0) ::setitimer(ITIMER_REAL, &never, nullptr);
  });
  auto [ours, theirs] = MessageSocket::pair();
  every(10'000);
  CHECK(ours.receive_within(100ms).error().code == ErrorCode::timeout);
  every(0);
  std::signal(SIGALRM, before);
  CHECK(left < 200);
  CHECK(left > 0);
}

TEST_CASE("nobody should listen where there is no folder, where anyone may replace the socket, or where a file is") {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / fmt::format("tidegate-{}", ::getpid());
  REQUIRE(std::filesystem::create_directory(folder));
  const std::string path = folder / "socket";
  const auto with_mode = [&](mode_t mode) {
    REQUIRE(::chmod(folder.c_str(), mode) == 0);
    return why_not_at(path);
  };
  CHECK(with_mode(0700) == "");
  CHECK(with_mode(0775) == "");
  CHECK(with_mode(01777) == "");
  CHECK(with_mode(0777) == "every user may remove or replace what is in its folder " + folder.string() + ": chmod o-w");
  CHECK(with_mode(0700) == "");
  { const Descriptor listening = MessageSocket::listen(path).value(); }
  CHECK(why_not_at(path) == "");
  CHECK(why_not_at(folder.string()) == "a file is there that is no socket");
  CHECK(MessageSocket::check_place(path + "/socket").error().code == ErrorCode::conflict);
  CHECK(MessageSocket::check_place(folder / "none" / "socket").error().code == ErrorCode::not_found);
  CHECK(why_not_at(folder / "none" / "socket") ==
        "its folder " + (folder / "none").string() + ": No such file or directory");
  CHECK(why_not_at(folder / "socket" / "socket") == path + " is no folder");
  CHECK(why_not_at("/none-such") == "");
  std::filesystem::remove_all(folder);
}
