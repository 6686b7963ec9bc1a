#include "loopback/upstream.h"

#include <algorithm>

#include "base/assert.h"
#include "http/message/writer.h"

namespace tidegate::loopback {

namespace {

constexpr size_t kPiece = 32 * 1024;
constexpr size_t kPendingMax = 64 * 1024;
constexpr size_t kKernelMax = 64 << 20;  // more than the buffers of a connection hold

SocketAddress any_port() { return *SocketAddress::parse("127.0.0.1:0"); }

}  // namespace

std::string Seen::field(std::string_view name) const {
  for (const auto& [n, v] : fields) {
    if (http::iequals(n, name)) return v;
  }
  return "";
}

size_t Seen::count(std::string_view name) const {
  return static_cast<size_t>(
      std::count_if(fields.begin(), fields.end(), [&](const auto& field) { return http::iequals(field.first, name); }));
}

class Upstream::Call final : public http::Handler {
 public:
  Call(Upstream& upstream, http::Responder& responder, Seen& seen)
      : upstream_(upstream), responder_(responder), seen_(seen), behaviour_(upstream.behaviour_) {}
  ~Call() override { leave(); }

  // respond_early responds inside on_request.
  void start() {
    if (behaviour_.kind == Behaviour::Kind::respond_early) respond();
  }

  void respond_as(const Behaviour& behaviour) {
    behaviour_ = behaviour;
    if (seen_.whole) respond();
  }

 private:
  void on_body(std::string_view piece) override {
    seen_.body_bytes += piece.size();
    if (upstream_.keep_bodies) seen_.body += piece;
  }

  void on_body_end() override {
    seen_.whole = true;
    if (behaviour_.kind == Behaviour::Kind::hold) {
      upstream_.held_.push_back(this);
    } else if (!ended_) {
      respond();
    }
  }

  void on_body_error(const http::ParseError&) override {
    seen_.gone = true;
    responder_.abort();
    leave();
  }
  void on_client_gone() override {
    seen_.gone = true;
    leave();
  }
  void on_response_drained() override {
    if (behaviour_.kind == Behaviour::Kind::stream && !ended_) stream_on();
  }

  void respond() {
    if (behaviour_.kind == Behaviour::Kind::hang_up) {
      leave();
      return responder_.abort();
    }
    std::string head;
    http::HeadWriter(head).status_line(behaviour_.status);
    head += behaviour_.fields;
    const bool streams = behaviour_.kind == Behaviour::Kind::stream;
    left_ = streams ? behaviour_.stream_bytes : behaviour_.body.size();
    responder_.send_head(behaviour_.status, head, behaviour_.chunked ? http::Responder::kUnknownLength : left_);
    if (streams) return stream_on();
    std::string_view body = behaviour_.body;
    const bool stops = behaviour_.kind == Behaviour::Kind::stop;
    const bool breaks = behaviour_.kind == Behaviour::Kind::break_off;
    if (stops || breaks) body = body.substr(0, body.size() / 2);
    responder_.send_body(body);
    if (stops) return;
    leave();
    breaks ? responder_.abort() : responder_.finish();
  }

  void stream_on() {
    static const std::string kFiller(kPiece, 'x');
    size_t taken = 0;
    while (left_ > 0 && responder_.write_pending() < kPendingMax) {
      if (taken > kKernelMax) return;  // nobody reads meanwhile: the connection is broken, and on_client_gone follows
      const size_t size = std::min<uint64_t>(left_, kPiece);
      left_ -= size;
      taken += size;
      responder_.send_body(std::string_view(kFiller).substr(0, size));
    }
    if (left_ > 0) return;  // more than the kernel takes is pending: on_response_drained goes on
    leave();
    responder_.finish();
  }

  void leave() {
    ended_ = true;
    std::erase(upstream_.held_, this);
  }

  Upstream& upstream_;
  http::Responder& responder_;
  Seen& seen_;
  Behaviour behaviour_;
  uint64_t left_ = 0;
  bool ended_ = false;
};

Upstream::Upstream(net::Runtime& runtime, std::shared_ptr<net::TlsContext> tls) : runtime_(runtime) {
  http::ServerLimits limits;
  limits.body_bytes = 1ull << 40;
  server_ = std::make_unique<http::Server>(runtime_, limits, *this, nullptr, std::move(tls));
  TG_ASSERT(server_->listen(any_port()).ok());
}

Upstream::~Upstream() { server_.reset(); }

void Upstream::release(Behaviour behaviour) {
  const std::vector<Call*> held = std::exchange(held_, {});
  for (Call* call : held) call->respond_as(behaviour);
}

std::unique_ptr<http::Handler> Upstream::on_request(http::Responder& responder) {
  const http::RequestHead& head = responder.request();
  Seen& request = seen.emplace_back();
  request.method = head.method;
  request.target = head.target;
  for (const http::Field& field : head.fields) request.fields.emplace_back(field.name, field.value);
  auto call = std::make_unique<Call>(*this, responder, request);
  call->start();
  return call;
}

http::Service::Refusal Upstream::on_refused(const http::ParseError&, const SocketAddress&) {
  TG_ASSERT(may_get_nonsense);  // Tidegate never forwards what is not valid
  return {};
}

class RawUpstream::Connection final : public net::StreamUser {
 public:
  Connection(RawUpstream& owner, std::unique_ptr<net::Stream> stream) : owner_(owner), stream_(std::move(stream)) {
    stream_->set_user(this);
    stream_->start_reading();
  }
  void reset_on_close() { stream_->reset_on_close(); }
  net::Stream& stream() { return *stream_; }

 private:
  void on_read(std::string_view bytes) override {
    if (owner_.keep) owner_.received += bytes;
    head_ += bytes;
    if (responded_ || head_.find("\r\n\r\n") == std::string::npos) return;
    responded_ = true;
    if (!owner_.script.empty()) stream_->write(owner_.script);
    if (owner_.hangs_up) stream_->end_writing();
    if (owner_.closes) stream_.reset();
  }
  void on_read_end() override {
    ++owner_.ended;
    if (owner_.ends_with_client) stream_->end_writing();
  }
  void on_stream_error(const Error&) override { ++owner_.broken; }
  void on_write_drained() override {}

  RawUpstream& owner_;
  std::unique_ptr<net::Stream> stream_;
  std::string head_;
  bool responded_ = false;
};

RawUpstream::RawUpstream(net::Runtime& runtime) : runtime_(runtime) {
  auto listening = runtime_.listen(any_port(), [this](std::unique_ptr<net::Stream> stream) {
    ++accepted;
    connections_.push_back(std::make_unique<Connection>(*this, std::move(stream)));
  });
  TG_ASSERT(listening.ok());
  listener_ = std::move(*listening);
}

RawUpstream::~RawUpstream() = default;

void RawUpstream::send(std::string_view bytes) { connections_.back()->stream().write(bytes); }

void RawUpstream::end() { connections_.back()->stream().end_writing(); }

void RawUpstream::close_connections() { connections_.clear(); }

void RawUpstream::reset_connections() {
  for (const auto& connection : connections_) connection->reset_on_close();
  connections_.clear();
}

}  // namespace tidegate::loopback
