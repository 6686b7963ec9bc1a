#include "net/tls/tls_handshake.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "net/finished.h"
#include "net/tls/tls_stream.h"
#include "net/tls/tls_words.h"

namespace tidegate::net {

namespace {

constexpr size_t kPlainShown = 20;
constexpr Duration kJudgedWithin = 20ms;  // or within four times what the handshake has taken

Error refused(std::string reason) { return {ErrorCode::refused, "TLS: " + std::move(reason)}; }

// What somebody said who does not speak TLS: `HTTP/1.1 400 Bad Req`.
std::string shown_bytes(std::string_view bytes) {
  std::string text;
  for (const char c : bytes.substr(0, kPlainShown)) text += c >= ' ' && c < 0x7f ? c : '.';
  return text;
}

class TlsHandshake final : public Operation, private StreamUser {
 public:
  TlsHandshake(Runtime& runtime, std::unique_ptr<Stream> stream, std::unique_ptr<TlsEngine> engine, Duration timeout,
               ConnectCallback done, std::string_view to_plain_peer)
      : runtime_(runtime),
        stream_(std::move(stream)),
        engine_(std::move(engine)),
        timeout_(timeout),
        done_(std::move(done)),
        to_plain_peer_(to_plain_peer),
        timer_(runtime, [this] { on_timeout(); }) {
    timer_.start_after(timeout_);
    stream_->set_user(this);
    stream_->start_reading();
    const bool failed = engine_->handshake() == TlsEngine::Step::failed;  // a client begins it
    engine_->flush(*stream_);
    if (failed) timer_.start_at(runtime_.now());
  }

 private:
  void on_read(std::string_view bytes) override {
    if (!std::exchange(peer_spoke_, true) && !is_tls_record(bytes)) {
      stream_->write(to_plain_peer_);
      return end(refused(fmt::format("the peer does not speak TLS; it sent `{}`", shown_bytes(bytes))));
    }
    engine_->feed(bytes);
    const TlsEngine::Step step = engine_->handshake();
    engine_->flush(*stream_);
    if (step == TlsEngine::Step::done) return on_complete();
    if (step == TlsEngine::Step::failed) return fail();
    engine_->keep_rest();
  }

  // Nothing is sent before a server that wants a certificate of ours has had the time to refuse it.
  void on_complete() {
    const TlsEngine::Step step = engine_->look();
    engine_->flush(*stream_);
    engine_->keep_rest();
    if (step == TlsEngine::Step::failed) return fail();
    if (step != TlsEngine::Step::wants_bytes || !engine_->is_judged_later()) return succeed();
    if (std::exchange(complete_, true)) return;
    const Duration long_enough = std::max(kJudgedWithin, 4 * (runtime_.now() - begun_));
    timer_.start_at(std::min(timer_.deadline(), runtime_.now() + long_enough));
  }

  void succeed() {
    stream_->stop_reading();
    end(make_tls_stream(runtime_, std::move(stream_), std::move(engine_)));
  }

  void fail() { end(Error{ErrorCode::refused, engine_->failure().message}); }

  void on_read_end() override { lose_peer("the peer closed the connection during the handshake"); }
  void on_stream_error(const Error& error) override { lose_peer("the handshake was cut off: " + error.message); }
  void lose_peer(const std::string& how) {
    end(peer_spoke_ ? refused(how) : Error{ErrorCode::cancelled, "TLS: " + how});
  }
  void on_write_drained() override {}
  void on_timeout() {
    if (complete_ && stream_->unread() != Stream::Unread::nothing)
      return timer_.start_at(runtime_.now());  // its verdict
    if (complete_) return succeed();
    if (engine_->has_failed()) return fail();
    const char* const silent = peer_spoke_ ? "was not complete" : "got no response";
    end(Error{ErrorCode::timeout, fmt::format("TLS: the handshake {} within {} ms", silent, ceil_ms(timeout_))});
  }

  // The only end. The callback may destroy this, so it is the last thing done. A refused peer gets our alert.
  void end(Result<std::unique_ptr<Stream>> result) {
    timer_.stop();
    const std::unique_ptr<Stream> failed = std::move(stream_);
    const ConnectCallback done = std::move(done_);
    done(std::move(result));
  }

  Runtime& runtime_;
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<TlsEngine> engine_;
  const Duration timeout_;
  ConnectCallback done_;
  const std::string_view to_plain_peer_;
  Timer timer_;
  const Time begun_ = runtime_.now();
  bool peer_spoke_ = false;
  bool complete_ = false;  // a server may still refuse our certificate
};

//   connecting ──▶ handshaking ──▶ ended        each with an error too; at once where our files cannot be used
class TlsConnect final : public Operation {
 public:
  TlsConnect(Runtime& runtime, TlsTarget target, const Connect& connect, ConnectCallback done)
      : runtime_(runtime), target_(std::move(target)), done_(std::move(done)), later_(runtime, [this] {
          end(Error{ErrorCode::invalid, kTlsFilesUnusable});
        }) {
    if (!target_.context->current()) {
      later_.start_at(runtime_.now());
      return;
    }
    step_ = connect([this](Result<std::unique_ptr<Stream>> stream) { on_connected(std::move(stream)); });
  }

 private:
  void on_connected(Result<std::unique_ptr<Stream>> stream) {
    const auto finished = net::finished(step_);
    if (!stream) return end(std::move(stream));
    auto engine = std::make_unique<TlsEngine>(target_.context->current(), target_.server);
    step_ = tls_handshake(runtime_, std::move(*stream), std::move(engine), target_.handshake_timeout,
                          [this](Result<std::unique_ptr<Stream>> secured) { end(std::move(secured)); });
  }

  void end(Result<std::unique_ptr<Stream>> result) {
    const auto finished = net::finished(step_);
    const ConnectCallback done = std::move(done_);
    done(std::move(result));
  }

  Runtime& runtime_;
  const TlsTarget target_;
  ConnectCallback done_;
  Timer later_;  // where there is nothing to connect with
  std::unique_ptr<Operation> step_;
};

}  // namespace

std::unique_ptr<Operation> tls_handshake(Runtime& runtime, std::unique_ptr<Stream> stream,
                                         std::unique_ptr<TlsEngine> engine, Duration timeout, ConnectCallback done,
                                         std::string_view to_plain_peer) {
  return std::make_unique<TlsHandshake>(runtime, std::move(stream), std::move(engine), timeout, std::move(done),
                                        to_plain_peer);
}

std::unique_ptr<Operation> connect_tls(Runtime& runtime, TlsTarget target, const Connect& connect,
                                       ConnectCallback done) {
  return std::make_unique<TlsConnect>(runtime, std::move(target), connect, std::move(done));
}

}  // namespace tidegate::net
