// The inside of redis::Client: the connection (client_link.cc) and what is sent on it (client.cc).
//
//   run, ask ─▶ unsent_ ──(end of the iteration, or 64 KiB)──▶ stream_ ─▶ the server
//      └──────▶ sent_: [ call deadline ][ call deadline ] … ◀── reader_ ◀─┘   the n-th reply is the n-th command's
#pragma once

#include <deque>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/assert.h"
#include "net/timer.h"
#include "redis/client.h"
#include "redis/command.h"
#include "redis/reply_reader.h"

namespace tidegate::redis {

// Shared by the caller's handle and the client; without `done` the caller has left.
struct Call {
  ReplyCallback done;
};

class Client::Impl final : private net::StreamUser {
 public:
  Impl(net::Runtime& runtime, Address address, const ClientOptions& options)
      : runtime_(runtime),
        address_(std::move(address)),
        options_(options),
        reconnect_(runtime, [this] { connect(); }),
        overdue_(runtime, [this] { check_overdue(); }),
        turn_end_(runtime, [this] { end_turn(); }) {
    TG_ASSERT(address_.tls.has_value() == options_.tls.used());
    connect();
  }
  ~Impl() {
    if (destroyed_ != nullptr) *destroyed_ = true;
  }

  std::unique_ptr<net::Operation> ask(const std::vector<std::string>& command, ReplyCallback done);
  std::unique_ptr<net::Operation> run(const Script& script, std::vector<std::string> keys,
                                      std::vector<std::string> arguments, ReplyCallback done);

  bool ready() const { return stream_ != nullptr; }
  const std::string& why_not_ready() const { return why_not_ready_; }
  size_t write_pending() const { return unsent_.size() + (stream_ ? stream_->write_pending() : 0); }
  size_t commands_pending() const { return sent_.size(); }
  void on_change(std::function<void()> changed) { changed_ = std::move(changed); }
  const Address& address() const { return address_; }

 private:
  struct Sent {
    std::shared_ptr<Call> call;
    Time deadline{};
    // Of a script that may have to be sent again, whole.
    const Script* script = nullptr;
    std::vector<std::string> keys{}, arguments{};
  };
  struct Refused {
    std::shared_ptr<Call> call;
    Error error;
  };

  void connect();
  void on_dialled(Result<std::unique_ptr<net::Stream>> stream);
  void wait_to_reconnect(const Error& why);
  void broken(ErrorCode first, ErrorCode rest, const std::string& why);
  bool tell_change();

  void on_read(std::string_view bytes) override;
  void on_read_end() override { lost("the server has closed the connection"); }
  void on_stream_error(const Error& error) override { lost(error.message); }
  void on_write_drained() override {}
  void lost(const std::string& why) { broken(ErrorCode::unavailable, ErrorCode::unavailable, why); }

  std::unique_ptr<net::Operation> send(Sent sent, const Command& command);
  std::unique_ptr<net::Operation> refuse(std::shared_ptr<Call> call, ErrorCode code, std::string_view why);
  void put(Sent sent, std::string_view bytes);
  void send_whole(Sent sent);
  bool complete(Call& call, Result<Reply> reply);
  void check_overdue();
  void end_turn();
  void later() {
    if (!turn_end_.active()) turn_end_.start_after(Duration::zero());
  }
  std::string named(std::string_view what) const { return address_.shown() + ": " + std::string(what); }

  net::Runtime& runtime_;
  const Address address_;
  const ClientOptions options_;
  std::function<void()> changed_;

  // connecting: dial_; waiting: reconnect_; ready: stream_.
  net::Timer reconnect_;
  std::unique_ptr<net::Operation> dial_;
  std::unique_ptr<net::Stream> stream_;
  std::unique_ptr<ReplyReader> reader_;  // the stream's
  int failures_ = 0;                     // connections that failed or did not last
  Time ready_since_{};
  bool first_ = true;  // the first connection has not come to anything yet
  std::string why_not_ready_ = "not connected yet";

  std::deque<Sent> sent_;                          // without a reply, in order
  std::unordered_set<std::string> known_scripts_;  // sent whole on this connection
  std::string unsent_;                             // gathered in this iteration
  std::deque<Refused> refused_;                    // reported at the end of the iteration
  net::Timer overdue_;                             // at the deadline of the first of sent_, or earlier
  bool overdue_seen_ = false;  // the first was late at the last look; what has arrived is read before the next
  net::Timer turn_end_;
  bool* destroyed_ = nullptr;  // set while a callback runs: the callback has destroyed this
};

// `begin` (EVAL, source, number of keys), then keys and arguments.
std::vector<std::string_view> script_parts(std::initializer_list<std::string_view> begin,
                                           const std::vector<std::string>& keys,
                                           const std::vector<std::string>& arguments);

}  // namespace tidegate::redis
