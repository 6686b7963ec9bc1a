#include "net/tls/tls_stream.h"

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "net/timer.h"

namespace tidegate::net {

namespace {

constexpr size_t kReadBytes = 60 * 1024;  // of one on_read, as UvRuntime's buffer
constexpr size_t kOwnPendingMax = 16 * 1024;

//   open ──the peer's close_notify──▶ ended ──┐
//     └───── TLS or the stream below fails ───┴──▶ broken        destroyed from anywhere
class TlsStream final : public Stream, private StreamUser {
 public:
  TlsStream(Runtime& runtime, std::unique_ptr<Stream> below, std::unique_ptr<TlsEngine> engine)
      : runtime_(runtime),
        below_(std::move(below)),
        engine_(std::move(engine)),
        later_(runtime, [this] { on_later(); }) {
    below_->set_user(this);
  }

  // As the FIN of a plain stream, close_notify says that nothing is missing, on either side.
  ~TlsStream() override {
    if (reset_on_close_ || state_ == State::broken || ending_ || write_pending() > 0 || unread() == Unread::bytes)
      return;
    engine_->send_close_notify();
    engine_->flush(*below_);
  }

  void set_user(StreamUser* user) override { user_ = user; }

  void start_reading() override {
    if (reading_ || state_ != State::open) return;
    reading_ = true;
    if (delivering_) return;  // deliver() goes on with it
    has_news() ? later_.start_at(runtime_.now()) : below_->start_reading();
  }

  void stop_reading() override {
    reading_ = false;
    below_->stop_reading();
  }

  void write(std::span<const std::string_view> pieces) override {
    if (state_ == State::broken || ending_) return;
    if (std::exchange(responded_, false) && below_->unacknowledged() == 0) plain_ = sent_ = 0;
    for (const std::string_view piece : pieces) plain_ += piece.size();
    if (engine_->write(pieces) == TlsEngine::Step::failed) later_.start_at(runtime_.now());
    sent_ += engine_->flush(*below_);
  }

  size_t write_pending() const override { return below_->write_pending(); }

  // Of what was written since the user last read something and all had been acknowledged. Exact while nothing of that
  // is; afterwards less than all of it, in proportion.
  size_t unacknowledged() const override {
    const size_t below = below_->unacknowledged();
    if (below >= sent_ || plain_ == 0) return plain_;
    const double share = static_cast<double>(below) / static_cast<double>(sent_);
    return std::min(static_cast<size_t>(share * static_cast<double>(plain_)), plain_ - 1);
  }

  Unread unread() const override {
    if (state_ == State::ended) return Unread::end;
    if (state_ == State::broken) return Unread::error;
    if (engine_->has_input()) return Unread::bytes;
    if (engine_->has_ended()) return Unread::end;
    if (engine_->has_failed()) return Unread::error;
    const Unread below = below_->unread();
    return below == Unread::end ? Unread::error : below;  // an end without close_notify is none
  }

  void end_writing() override {
    if (state_ == State::broken || ending_) return;
    ending_ = true;
    engine_->send_close_notify();
    engine_->flush(*below_);
    below_->end_writing();
  }

  void reset_on_close() override {
    reset_on_close_ = true;
    below_->reset_on_close();
  }

  SocketAddress peer() const override { return below_->peer(); }
  SocketAddress local() const override { return below_->local(); }

 private:
  enum class State : uint8_t { open, ended, broken };

  void on_read(std::string_view bytes) override {
    engine_->feed(bytes);
    deliver();
  }

  void on_read_end() override {
    fail({ErrorCode::reset, "connection closed by " + peer().to_string() +
                                " without TLS close_notify: what it sent may not be all of it"});
  }
  bool on_write_failed() override { return state_ == State::open && user_->on_write_failed(); }
  void on_stream_error(const Error& error) override { fail(error); }
  void on_write_drained() override { user_->on_write_drained(); }

  // A write has failed, or what had arrived before reading was stopped is wanted.
  void on_later() {
    if (engine_->has_failed()) return fail(engine_->failure());
    if (reading_) deliver();
  }

  // For the user, without a byte from below.
  bool has_news() const { return engine_->has_input() || engine_->has_ended() || engine_->has_failed(); }

  // Gives the user what there is. It may stop reading, or destroy the stream, in any call.
  void deliver() {
    delivering_ = true;
    const std::weak_ptr<char> alive = alive_;
    while (reading_ && state_ == State::open && deliver_some() && !alive.expired()) {
    }
    if (alive.expired()) return;
    delivering_ = false;
    engine_->keep_rest();
    if (reading_ && state_ == State::open) below_->start_reading();
  }

  // False: nothing more for now.
  bool deliver_some() {
    static thread_local std::array<char, kReadBytes> buffer;
    size_t count = 0;
    const TlsEngine::Step step = engine_->read(buffer, count);
    if (write_pending() == 0) own_pending_ = 0;
    own_pending_ += engine_->flush(*below_);
    if (count > 0) {
      responded_ = true;
      user_->on_read({buffer.data(), count});
      return step != TlsEngine::Step::wants_bytes;
    }
    if (step == TlsEngine::Step::ended) {
      state_ = State::ended;
      stop_reading();
      user_->on_read_end();
    } else if (step == TlsEngine::Step::failed) {
      fail(engine_->failure());
    } else if (own_pending_ > kOwnPendingMax && write_pending() > 0) {
      fail({ErrorCode::reset, "TLS: " + peer().to_string() + " asks for new keys again and again, and reads nothing"});
    }
    return false;
  }

  void fail(const Error& error) {
    if (state_ == State::broken) return;
    state_ = State::broken;
    stop_reading();
    user_->on_stream_error(error);
  }

  Runtime& runtime_;
  std::unique_ptr<Stream> below_;
  std::unique_ptr<TlsEngine> engine_;
  StreamUser* user_ = nullptr;
  Timer later_;  // for what would be reported inside a call of the user
  State state_ = State::open;
  bool reading_ = false;
  bool ending_ = false;  // our close_notify has been sent
  bool reset_on_close_ = false;
  bool responded_ = false;  // the user has been given something since it last wrote
  bool delivering_ = false;
  const std::shared_ptr<char> alive_ = std::make_shared<char>();  // ends with the stream
  size_t plain_ = 0;                                              // written by the user since then
  size_t sent_ = 0;                                               // the same, encrypted
  size_t own_pending_ = 0;  // what TLS itself has written, at least since the peer last took all
};

}  // namespace

std::unique_ptr<Stream> make_tls_stream(Runtime& runtime, std::unique_ptr<Stream> below,
                                        std::unique_ptr<TlsEngine> engine) {
  return std::make_unique<TlsStream>(runtime, std::move(below), std::move(engine));
}

}  // namespace tidegate::net
