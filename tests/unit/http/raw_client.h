// A client that sends bytes as told and keeps what comes, for tests of what servers do with them.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/runtime.h"
#include "net/stream.h"

namespace tidegate::test {

class RawClient final : private net::StreamUser {
 public:
  RawClient(net::Runtime& runtime, const SocketAddress& to, std::string first = {})
      : RawClient([&](net::ConnectCallback done) { return runtime.connect(to, std::move(done)); }, std::move(first)) {}
  // `connect`: how, as over TLS.
  using Connect = std::function<std::unique_ptr<net::Operation>(net::ConnectCallback done)>;
  explicit RawClient(const Connect& connect, std::string first = {}) : to_send_(std::move(first)) {
    connecting_ = connect([this](Result<std::unique_ptr<net::Stream>> result) {
      if (!result.ok()) {
        broken = true;
        why_broken = result.error().message;
        return;
      }
      stream_ = std::move(*result);
      stream_->set_user(this);
      if (!paused) stream_->start_reading();
      send({});
    });
  }

  void send(std::string_view bytes) {
    to_send_.append(bytes);
    if (!stream_ || to_send_.empty()) return;
    const std::string now = std::exchange(to_send_, {});
    stream_->write(now);
  }
  void end() { stream_->end_writing(); }
  void leave() { stream_.reset(); }
  void reset() {
    stream_->reset_on_close();
    stream_.reset();
  }
  void resume() {
    paused = false;
    stream_->start_reading();
  }
  void stop() {
    paused = true;
    stream_->stop_reading();
  }
  bool connected() const { return stream_ != nullptr; }
  bool has(std::string_view text) const { return received.find(text) != std::string::npos; }
  bool over() const { return ended || broken; }
  size_t count(std::string_view text) const {
    size_t found = 0;
    for (size_t at = received.find(text); at != std::string::npos; at = received.find(text, at + 1)) ++found;
    return found;
  }
  size_t write_pending() const { return stream_->write_pending(); }

  std::string received;
  bool keep = true;  // false: count only
  size_t received_bytes = 0;
  bool paused = false;  // set before connecting: reads nothing until resume()
  bool ended = false;   // the server's FIN
  bool broken = false;  // refused or reset
  std::string why_broken;

 private:
  void on_read(std::string_view bytes) override {
    received_bytes += bytes.size();
    if (keep) received.append(bytes);
  }
  void on_read_end() override { ended = true; }
  void on_stream_error(const Error& error) override {
    broken = true;
    why_broken = error.message;
  }
  void on_write_drained() override {}

  std::string to_send_;
  std::unique_ptr<net::Operation> connecting_;
  std::unique_ptr<net::Stream> stream_;
};

}  // namespace tidegate::test
