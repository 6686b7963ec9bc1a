#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/assert.h"
#include "net/uv/loop.h"

namespace tidegate::net {

namespace {

constexpr size_t kPiecesMax = 16;

class UvStream;

// One write under way; its bytes live as long as libuv needs them.
struct PendingWrite {
  uv_write_t request{};
  std::string bytes;
  std::shared_ptr<UvStream*> owner;
};

class UvStream final : public Stream {
 public:
  UvStream(UvRuntime::Loop& loop, uv_tcp_t* tcp) : loop_(loop), tcp_(tcp), self_(std::make_shared<UvStream*>(this)) {
    tcp_->data = this;
    uv_tcp_nodelay(tcp_, 1);
    peer_ = name(&uv_tcp_getpeername);  // a connection that was reset has none any more
  }

  ~UvStream() override {
    *self_ = nullptr;
    tcp_->data = nullptr;
    uv_read_stop(stream());
    if (reset_on_close_ && uv_tcp_close_reset(tcp_, &free_handle) == 0) return;
    close_and_free(tcp_);
  }

  void set_user(StreamUser* user) override { user_ = user; }

  void start_reading() override {
    if (reading_ || ended_ || broken_) return;
    reading_ = true;
    const int status = uv_read_start(stream(), &on_alloc, &on_read);
    if (status != 0) report_later(status, &UvStream::fail_reading);
  }

  void stop_reading() override {
    reading_ = false;
    uv_read_stop(stream());
  }

  void write(std::span<const std::string_view> pieces) override {
    if (broken_ || write_failed_) return drop(pieces);
    size_t sent = 0;
    if (write_pending_ == 0) {
      const int taken = try_write(pieces);
      if (taken < 0 && taken != UV_EAGAIN) {
        drop(pieces);
        note_reset(taken);
        return report_later(taken, &UvStream::fail_writing);
      }
      sent = static_cast<size_t>(std::max(taken, 0));
    }
    for (std::string_view piece : pieces) {
      const size_t skipped = std::min(sent, piece.size());
      sent -= skipped;
      piece.remove_prefix(skipped);
      waiting_.append(piece);
      write_pending_ += piece.size();
    }
    if (write_pending_ > 0) write_on();
  }

  size_t write_pending() const override { return write_pending_; }
  size_t unacknowledged() const override {
    int in_kernel = 0;  // SIOCOUTQ: what is unsent, and what is sent but not acknowledged
    if (ioctl(descriptor(), SIOCOUTQ, &in_kernel) != 0) in_kernel = 0;
    const size_t in_libuv = uv_stream_get_write_queue_size(stream());
    return dropped_ + waiting_.size() + in_libuv + static_cast<size_t>(in_kernel);
  }

  // Linux tells of a FIN before it tells of an error that came later.
  Unread unread() const override {
    if (reset_) return Unread::error;
    char byte = 0;
    const ssize_t count = recv(descriptor(), &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT);
    if (count >= 0) return count == 0 ? Unread::end : Unread::bytes;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return Unread::nothing;
    reset_ = true;
    return Unread::error;
  }

  void end_writing() override {
    if (broken_ || write_failed_ || ending_) return;
    ending_ = true;
    if (write_pending_ == 0) send_fin();
  }

  void reset_on_close() override { reset_on_close_ = true; }

  SocketAddress peer() const override { return peer_; }
  SocketAddress local() const override { return name(&uv_tcp_getsockname); }

 private:
  uv_stream_t* stream() const { return reinterpret_cast<uv_stream_t*>(tcp_); }

  void drop(std::span<const std::string_view> pieces) {
    for (const std::string_view piece : pieces) dropped_ += piece.size();
  }

  void send_fin() {
    auto* request = new uv_shutdown_t{};
    const auto done = [](uv_shutdown_t* r, int) { delete r; };
    if (uv_shutdown(request, stream(), done) != 0) delete request;
  }

  static void free_handle(uv_handle_t* handle) { delete reinterpret_cast<uv_tcp_t*>(handle); }

  static void on_alloc(uv_handle_t* handle, size_t, uv_buf_t* buffer) {
    auto* loop = static_cast<UvRuntime::Loop*>(handle->loop->data);
    *buffer = uv_buf_init(loop->read_buffer.data(), static_cast<unsigned>(loop->read_buffer.size()));
  }

  static void on_read(uv_stream_t* handle, ssize_t count, const uv_buf_t* buffer) {
    auto* self = static_cast<UvStream*>(handle->data);
    if (!self || count == 0) return;
    if (count > 0) return self->user_->on_read(std::string_view(buffer->base, static_cast<size_t>(count)));
    self->reading_ = false;
    uv_read_stop(handle);
    if (count == UV_EOF) {
      if (const int error = self->reset_ ? UV_ECONNRESET : self->socket_error()) return self->fail_reading(error);
      self->ended_ = true;
      return self->user_->on_read_end();
    }
    self->fail_reading(static_cast<int>(count));
  }

  int try_write(std::span<const std::string_view> pieces) {
    std::array<uv_buf_t, kPiecesMax> buffers;
    size_t count = 0;
    for (const std::string_view piece : pieces) {
      if (piece.empty()) continue;
      if (count == kPiecesMax) break;
      buffers[count++] = uv_buf_init(const_cast<char*>(piece.data()), static_cast<unsigned>(piece.size()));
    }
    return count == 0 ? 0 : uv_try_write(stream(), buffers.data(), static_cast<unsigned>(count));
  }

  void write_on() {
    if (writing_ || waiting_.empty()) return;
    writing_ = true;
    auto* write = new PendingWrite{{}, std::exchange(waiting_, {}), self_};
    write->request.data = write;
    const uv_buf_t buffer = uv_buf_init(write->bytes.data(), static_cast<unsigned>(write->bytes.size()));
    const int status = uv_write(&write->request, stream(), &buffer, 1, &on_written);
    if (status == 0) return;
    delete write;
    report_later(status, &UvStream::fail_writing);
  }

  static void on_written(uv_write_t* request, int status) {
    const std::unique_ptr<PendingWrite> write(static_cast<PendingWrite*>(request->data));
    UvStream* self = *write->owner;
    if (!self) return;
    self->writing_ = false;
    self->write_pending_ -= write->bytes.size();
    if (status != 0) return self->fail_writing(status);
    if (self->write_pending_ > 0) return self->write_on();
    if (self->ending_) self->send_fin();
    self->user_->on_write_drained();
  }

  int descriptor() const {
    uv_os_fd_t descriptor = -1;
    uv_fileno(reinterpret_cast<const uv_handle_t*>(tcp_), &descriptor);
    return descriptor;
  }

  // Where bytes came before a reset, libuv takes the hang-up behind them for an end.
  int socket_error() const {
    int error = 0;
    socklen_t size = sizeof(error);
    return getsockopt(descriptor(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? uv_translate_sys_error(error) : 0;
  }

  void fail_reading(int status) {
    note_reset(status);
    fail(peers_error(status, "read from "));
  }

  // EPIPE: an end came first.
  void note_reset(int status) { reset_ = reset_ || (status != UV_EPIPE && !ended_); }

  Error peers_error(int status, const char* doing) const {
    const std::string peer = peer_.to_string();
    if (status == UV_ECONNRESET) return {ErrorCode::reset, "connection reset by " + peer};
    if (status == UV_EPIPE) return {ErrorCode::reset, "connection closed by " + peer};
    return uv_error(status, doing + peer);
  }

  // A peer that has closed may have sent something before: it is in the kernel's buffer, and can be read.
  void fail_writing(int status) {
    if (broken_ || write_failed_) return;
    write_failed_ = true;
    note_reset(status);
    dropped_ += waiting_.size();
    waiting_.clear();
    write_pending_ = 0;
    const Error error = peers_error(status, "write to ");
    const bool readable = error.code == ErrorCode::reset && !ended_;
    if (!readable || !user_->on_write_failed()) fail(error);
  }

  void fail(const Error& error) {
    if (broken_) return;
    broken_ = true;
    stop_reading();
    user_->on_stream_error(error);
  }

  // Errors found inside a call of the owner are reported in a later iteration.
  void report_later(int status, void (UvStream::*report)(int)) {
    loop_.runtime.post([self = self_, status, report] {
      if (*self) ((*self)->*report)(status);
    });
  }

  template <typename Get>
  SocketAddress name(Get get) const {
    sockaddr_storage storage{};
    int size = sizeof(storage);
    if (get(tcp_, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return {};
    return from_sockaddr(storage);
  }

  UvRuntime::Loop& loop_;
  uv_tcp_t* tcp_;
  SocketAddress peer_;
  StreamUser* user_ = nullptr;
  std::shared_ptr<UvStream*> self_;  // what callbacks hold; null once this is destroyed
  std::string waiting_;              // not given to libuv yet
  size_t write_pending_ = 0;         // waiting_ and the write under way
  size_t dropped_ = 0;               // given to write() too late
  bool writing_ = false;
  bool reading_ = false;
  bool ended_ = false;          // the peer's FIN has been reported
  mutable bool reset_ = false;  // it broke without an end: the kernel tells of that once, and then of an end
  bool broken_ = false;
  bool write_failed_ = false;  // nothing more is written; reading may go on
  bool ending_ = false;
  bool reset_on_close_ = false;
};

}  // namespace

std::unique_ptr<Stream> make_uv_stream(UvRuntime::Loop& loop, uv_tcp_t* handle) {
  return std::make_unique<UvStream>(loop, handle);
}

void close_and_free(uv_tcp_t* handle) {
  uv_close(reinterpret_cast<uv_handle_t*>(handle), [](uv_handle_t* h) { delete reinterpret_cast<uv_tcp_t*>(h); });
}

}  // namespace tidegate::net
