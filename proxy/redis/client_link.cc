#include <algorithm>
#include <utility>

#include "redis/client_impl.h"
#include "redis/dial.h"

namespace tidegate::redis {

void Client::Impl::connect() {
  dial_ = dial(runtime_, address_, options_.tls, options_.connect_timeout,
               [this](auto stream) { on_dialled(std::move(stream)); });
}

void Client::Impl::on_dialled(Result<std::unique_ptr<net::Stream>> stream) {
  dial_.reset();
  const bool is_first = std::exchange(first_, false);
  if (!stream.ok()) {
    const bool is_news = is_first || stream.error().message != why_not_ready_;
    wait_to_reconnect(stream.error());
    if (is_news) tell_change();
    return;
  }
  stream_ = std::move(*stream);
  stream_->set_user(this);
  reader_ = std::make_unique<ReplyReader>(options_.reply_bytes_max);
  ready_since_ = runtime_.now();
  why_not_ready_.clear();
  tell_change();
}

void Client::Impl::wait_to_reconnect(const Error& why) {
  why_not_ready_ = why.message;
  Duration most = options_.reconnect_base;
  for (int i = 0; i < failures_ && most < options_.reconnect_max; ++i) most *= 2;
  most = std::min(most, options_.reconnect_max);
  ++failures_;
  reconnect_.start_after(
      Duration(static_cast<int64_t>(static_cast<double>(most.count()) * runtime_.random().uniform())));
}

// The connection is lost: the first command without a reply gets `first`, the others `rest`.
void Client::Impl::broken(ErrorCode first, ErrorCode rest, const std::string& why) {
  // A connection that has lasted was a good one; a server that ends each at once is waited for.
  if (runtime_.now() - ready_since_ >= options_.reconnect_max) failures_ = 0;
  stream_.reset();
  reader_.reset();
  unsent_.clear();
  known_scripts_.clear();
  overdue_.stop();
  overdue_seen_ = false;
  const std::deque<Sent> unanswered = std::exchange(sent_, {});
  wait_to_reconnect({rest, why});
  if (!tell_change()) return;
  ErrorCode code = first;
  for (const Sent& sent : unanswered) {
    if (!complete(*sent.call, Error{std::exchange(code, rest), named(why)})) return;
  }
}

// False: the callback has destroyed this.
bool Client::Impl::tell_change() {
  if (!changed_) return true;
  bool destroyed = false;
  destroyed_ = &destroyed;
  const std::function<void()> changed = changed_;
  changed();
  if (!destroyed) destroyed_ = nullptr;
  return !destroyed;
}

// False: the callback has destroyed this.
bool Client::Impl::complete(Call& call, Result<Reply> reply) {
  if (!call.done) return true;
  bool destroyed = false;
  destroyed_ = &destroyed;
  const ReplyCallback done = std::exchange(call.done, nullptr);
  done(std::move(reply));
  if (!destroyed) destroyed_ = nullptr;
  return !destroyed;
}

void Client::Impl::on_read(std::string_view bytes) {
  reader_->feed(bytes);
  for (;;) {
    auto next = reader_->next();
    if (!next.ok()) return broken(next.error().code, ErrorCode::unavailable, next.error().message);
    if (!next->has_value()) return;
    if (sent_.empty()) return lost("a reply to no command");
    Sent sent = std::move(sent_.front());
    sent_.pop_front();
    overdue_seen_ = false;
    if (sent.script != nullptr && (*next)->is_error() && (*next)->text.starts_with("NOSCRIPT")) {
      send_whole(std::move(sent));
    } else if (!complete(*sent.call, std::move(**next))) {
      return;
    }
  }
}

}  // namespace tidegate::redis
