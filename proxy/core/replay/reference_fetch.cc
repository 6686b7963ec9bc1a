#include "core/replay/reference_fetch.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "core/jobs/body_reference.h"
#include "core/spooled_body.h"
#include "http/client/client_connection.h"
#include "http/message/writer.h"
#include "net/connection_refusal.h"
#include "net/timer.h"

namespace tidegate::core {

using jobs::FetchedBody;
using ReadCallback = std::function<void(Result<std::string>)>;

namespace {

constexpr const char* kGone = "reference_gone";
constexpr const char* kRefused = "reference_refused";
constexpr const char* kTooLarge = "reference_too_large";
constexpr const char* kUnreachable = "reference_unreachable";

// A spooled body, read by one reader.
class FetchedBytes final : public net::BodyReader {
 public:
  FetchedBytes(net::Runtime& runtime, BufferBudget& budget, uint64_t size_max, std::function<void()> changed)
      : on_change(std::move(changed)), kept(runtime, budget, {size_max + 1}, [this] { notify(); }), runtime_(runtime) {}

  uint64_t size() const override { return kept.received(); }

  std::unique_ptr<net::Operation> read_at(uint64_t offset, size_t count, ReadCallback done) override {
    auto waiting = std::make_shared<ReadCallback>(std::move(done));
    if (kept.in_file(offset)) {
      kept.read_file(offset, [waiting, count](Result<std::string> bytes) {
        if (bytes && bytes->size() > count) bytes->resize(count);
        call(*waiting, std::move(bytes));
      });
    } else {
      runtime_.post([waiting, bytes = std::string(kept.peek(offset).substr(0, count))] { call(*waiting, bytes); });
    }
    return std::make_unique<Read>(std::move(waiting));
  }

  std::function<void()> on_change;  // while it is being fetched
  SpooledBody kept;

 private:
  class Read final : public net::Operation {
   public:
    explicit Read(std::shared_ptr<ReadCallback> waiting) : waiting_(std::move(waiting)) {}
    ~Read() override { *waiting_ = nullptr; }

   private:
    std::shared_ptr<ReadCallback> waiting_;
  };

  static void call(ReadCallback& waiting, Result<std::string> bytes) {
    if (const ReadCallback done = std::exchange(waiting, nullptr)) done(std::move(bytes));
  }
  void notify() {
    if (const auto call = on_change) call();  // the call may drop it
  }

  net::Runtime& runtime_;
};

class ReferenceFetch final : public net::Operation, private http::ClientUser {
 public:
  ReferenceFetch(net::Runtime& runtime, BufferBudget& budget, uint64_t size_max, std::function<void(FetchedBody)> done)
      : runtime_(runtime),
        size_max_(size_max),
        done_(std::move(done)),
        bytes_(std::make_shared<FetchedBytes>(runtime, budget, size_max, [this] { changed(); })),
        timer_(runtime, [this] { on_timer(); }) {}
  ~ReferenceFetch() override {
    if (bytes_) bytes_->on_change = nullptr;
  }

  void start(BodyReference from, const net::TlsServer& tls, Duration timeout) {
    state_ = State::connecting;
    from_ = std::move(from);
    deadline_ = runtime_.now() + timeout;
    if (from_.tls) timer_.start_at(deadline_);  // without, connecting has a time limit of its own
    connecting_ =
        net::connect_server(runtime_, from_.host, from_.port, from_.tls ? tls : net::TlsServer(), timeout,
                            [this](Result<std::unique_ptr<net::Stream>> stream) { on_connected(std::move(stream)); });
  }

  // In place of start().
  void refuse(std::string reason) {
    refusal_ = std::move(reason);
    timer_.start_after(Duration(0));
  }

 private:
  enum class State { refused, connecting, receiving, settling, ended };

  void on_connected(Result<std::unique_ptr<net::Stream>> stream) {
    if (!stream) {
      const Error& error = stream.error();
      if (net::refusal_of(error)) return end(FetchedBody::Result::own_failure, "", error.message);
      return end(FetchedBody::Result::failed, kUnreachable, error.message);
    }
    timer_.start_at(deadline_);
    connection_ = std::make_unique<http::ClientConnection>(std::move(*stream), http::kResponseLimits);
    send_request();
  }

  void send_request() {
    state_ = State::receiving;
    std::string head;
    http::HeadWriter writer(head);
    writer.request_line("GET", from_.target);
    writer.field("Host", from_.authority);
    writer.field("User-Agent", "tidegate");
    writer.field("Accept-Encoding", "identity");  // the bytes themselves are wanted
    writer.field("Connection", "close");
    writer.end();
    connection_->begin_request(this, false);
    const std::array<std::string_view, 1> pieces = {head};
    connection_->write(pieces);
    connection_->end_request();
  }

  void on_response_head(const http::ResponseHead& head) override {
    const bool gone = head.status == 404 || head.status == 403 || head.status == 410;
    if (gone) return end(FetchedBody::Result::hopeless, kGone, "status " + std::to_string(head.status));
    if (head.status != 200)
      return end(FetchedBody::Result::failed, kUnreachable, "status " + std::to_string(head.status));
    // Only a stated length shows that a body is whole.
    if (head.framing == http::Framing::until_close) {
      return end(FetchedBody::Result::failed, kUnreachable, "the response does not state its length");
    }
    if (head.framing == http::Framing::content_length && head.content_length > size_max_) end_too_large();
  }

  void on_response_body(std::string_view piece) override {
    SpooledBody& kept = bytes_->kept;
    if (piece.size() > size_max_ - kept.received()) return end_too_large();
    kept.append(piece);
    if (!kept.kept()) return end(FetchedBody::Result::own_failure, "", "the referenced body could not be kept");
    if (!kept.has_room()) connection_->pause_reading();
  }

  void on_response_complete() override {
    connection_.reset();
    state_ = State::settling;
    bytes_->kept.end();
    changed();
  }

  void on_client_failure(http::ClientFailure, http::RequestSeen, std::string_view detail) override {
    end(FetchedBody::Result::failed, kUnreachable, std::string(detail));
  }
  void on_request_drained() override {}

  // Bytes have reached the disk, or could not.
  void changed() {
    const SpooledBody& kept = bytes_->kept;
    if (!kept.kept()) return end(FetchedBody::Result::own_failure, "", "the referenced body could not be kept");
    if (kept.settled()) return end(FetchedBody::Result::fetched, "", "");
    if (connection_ && kept.has_room()) connection_->resume_reading();
  }

  void on_timer() {
    switch (state_) {
      case State::refused: return end(FetchedBody::Result::hopeless, kRefused, refusal_);
      case State::settling:
        return end(FetchedBody::Result::own_failure, "", "the referenced body was not kept in time");
      case State::receiving: return end(FetchedBody::Result::failed, kUnreachable, "not fetched in time");
      case State::connecting: return end(FetchedBody::Result::failed, kUnreachable, "not connected in time");
      case State::ended: TG_ASSERT(false);
    }
  }

  void end_too_large() {
    end(FetchedBody::Result::hopeless, kTooLarge,
        "more than the route's max_body of " + std::to_string(size_max_) + " bytes");
  }

  // The only end. The callback may destroy this operation, so it is the last thing done. The URL is neither logged
  // nor stored: its query is a key.
  void end(FetchedBody::Result result, const char* error, std::string detail) {
    state_ = State::ended;
    timer_.stop();
    connecting_.reset();
    connection_.reset();
    FetchedBody fetched{result, nullptr, error, std::move(detail)};
    bytes_->on_change = nullptr;
    if (result == FetchedBody::Result::fetched) fetched.body = std::move(bytes_);
    if (!from_.authority.empty() && !fetched.detail.empty()) fetched.detail = from_.authority + ": " + fetched.detail;
    const auto done = std::move(done_);
    done(std::move(fetched));
  }

  net::Runtime& runtime_;
  const uint64_t size_max_;
  std::function<void(FetchedBody)> done_;
  std::shared_ptr<FetchedBytes> bytes_;
  Time deadline_{};
  net::Timer timer_;
  BodyReference from_;
  State state_ = State::refused;
  std::string refusal_;
  std::unique_ptr<net::Operation> connecting_;
  std::unique_ptr<http::ClientConnection> connection_;
};

}  // namespace

std::unique_ptr<net::Operation> fetch_reference(net::Runtime& runtime, BufferBudget& budget, const net::TlsServer& tls,
                                                const config::FallbackEnqueue* enqueue, const std::string& url,
                                                std::function<void(FetchedBody)> done) {
  auto fetch = std::make_unique<ReferenceFetch>(runtime, budget, enqueue ? enqueue->max_body : 0, std::move(done));
  if (!enqueue || !enqueue->by_reference) {
    fetch->refuse("the route no longer takes bodies by reference");
    return fetch;
  }
  auto from = check_body_reference(url, enqueue->reference_hosts);
  from ? fetch->start(std::move(*from), tls, enqueue->reference_timeout) : fetch->refuse(from.error().message);
  return fetch;
}

}  // namespace tidegate::core
