// The next process of a takeover, with another that says what a test wants, beforehand.
#include "cli/handover/takeover.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tidegate::cli {

namespace {

// The process that serves, as far as the next one sees it.
class Serving {
 public:
  std::unique_ptr<Takeover> next() {
    auto takeover = Takeover::connect(path_);
    REQUIRE(takeover.ok());
    REQUIRE(*takeover != nullptr);
    socket_ = net::MessageSocket::accept(listening_);
    return std::move(*takeover);
  }
  void says(const net::Message& message) { REQUIRE(socket_.send(message).ok()); }
  void says(Kind kind, std::string_view payload = {}) { says(make_message(kind, payload)); }
  void ends() { socket_ = net::MessageSocket(net::Descriptor()); }
  // What it has been told so far.
  std::vector<Kind> told() {
    std::vector<Kind> kinds;
    for (auto message = socket_.receive(); message; message = socket_.receive()) kinds.push_back(*kind_of(*message));
    return kinds;
  }
  ~Serving() { std::filesystem::remove(path_); }

 private:
  const std::string path_ = std::filesystem::temp_directory_path() / fmt::format("tidegate-takeover-{}", ::getpid());
  net::Descriptor listening_ = net::MessageSocket::listen(path_).value();
  net::MessageSocket socket_{net::Descriptor()};
};

}  // namespace

TEST_CASE("a signal to stop ends a takeover, whatever the other process has said already") {
  Serving serving;
  const auto next = serving.next();
  serving.says(Kind::sockets_end);
  REQUIRE(::raise(SIGTERM) == 0);
  CHECK(next->receive_sockets().error().message == "takeover: SIGTERM before it was done");
}

TEST_CASE("a signal to stop while the queues are opened ends a takeover, and they are not taken") {
  Serving serving;
  const auto next = serving.next();
  serving.says(Kind::sockets_end);
  REQUIRE(next->receive_sockets().ok());
  serving.says(Kind::released);
  REQUIRE(next->await_queues({}).ok());
  REQUIRE(::raise(SIGINT) == 0);
  serving.says(Kind::commit);
  CHECK(next->await_commit().error().message == "takeover: SIGINT before it was done");
  CHECK(serving.told() == std::vector{Kind::hello, Kind::prepared});
}

TEST_CASE("a signal to stop ends the next process too while it opens what the other one had when it ended") {
  Serving serving;
  const auto next = serving.next();
  serving.says(Kind::sockets_end);
  REQUIRE(next->receive_sockets().ok());
  serving.ends();
  REQUIRE(next->await_queues({}).ok());
  REQUIRE(next->alone());
  REQUIRE(::raise(SIGTERM) == 0);
  CHECK(next->await_commit().error().message == "takeover: SIGTERM before it was done");
}

TEST_CASE("the other process may say at any time that something must end first, and how long that may take") {
  Serving serving;
  const auto next = serving.next();
  for (const char* what : {"one thing", "another"}) serving.says(wait_message({1500us, what}));
  serving.says(Kind::sockets_end);
  REQUIRE(next->receive_sockets().ok());
  serving.says(wait_message({Wait::kMax, "jobs"}));
  serving.says(Kind::released);
  CHECK(next->await_queues({}).ok());
  CHECK(read_wait(wait_message({1500us, "one thing"}))->time_max == 2ms);
  CHECK(!read_wait(wait_message({Wait::kMax + 1ms, "too long"})));
  serving.says(Kind::wait, "soon");
  CHECK(next->await_commit().error().message == "takeover: the other process does not follow the protocol");
}

TEST_CASE("a process that ends before it has given its sockets leaves nothing: the next one says that, and ends") {
  Serving serving;
  const auto next = serving.next();
  serving.ends();
  CHECK(next->receive_sockets().error().message ==
        fmt::format("takeover: process {} has ended before it gave its sockets: start again", ::getpid()));
}

TEST_CASE("once a takeover is done, signals to stop do what they did before") {
  struct sigaction before {
  }, after{};
  REQUIRE(::sigaction(SIGTERM, nullptr, &before) == 0);
  Serving serving;
  const auto next = serving.next();
  for (const Kind kind : {Kind::sockets_end, Kind::released, Kind::commit}) serving.says(kind);
  REQUIRE(next->receive_sockets().ok());
  REQUIRE(next->await_queues({}).ok());
  REQUIRE(next->await_commit().ok());
  REQUIRE(::sigaction(SIGTERM, nullptr, &after) == 0);
  const bool same = after.sa_handler == before.sa_handler;
  CHECK(same);
}

}  // namespace tidegate::cli
