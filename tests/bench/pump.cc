#include "pump.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace tidegate::bench {
namespace {

char shared_buffer[kBufferBytes];

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK; }

}  // namespace

Flow CopyPump::send(const Fd& to, const char* data, std::size_t size) {
  const ssize_t sent = ::send(to.get(), data, size, MSG_NOSIGNAL);
  if (sent == static_cast<ssize_t>(size)) return Flow::Drained;
  if (sent < 0 && !would_block()) return Flow::Ended;
  const std::size_t done = sent < 0 ? 0 : static_cast<std::size_t>(sent);
  pending_.assign(data + done, size - done);
  return Flow::Blocked;
}

Flow CopyPump::flush(const Fd& to) {
  if (pending_.empty()) return Flow::Drained;
  const ssize_t sent = ::send(to.get(), pending_.data(), pending_.size(), MSG_NOSIGNAL);
  if (sent < 0) return would_block() ? Flow::Blocked : Flow::Ended;
  pending_.erase(0, static_cast<std::size_t>(sent));
  return pending_.empty() ? Flow::Drained : Flow::Blocked;
}

Flow CopyPump::move(const Fd& from, const Fd& to) {
  if (const Flow flow = flush(to); flow != Flow::Drained) return flow;
  for (;;) {
    const ssize_t got = ::recv(from.get(), shared_buffer, sizeof shared_buffer, 0);
    if (got == 0) return Flow::Ended;
    if (got < 0) return would_block() ? Flow::Drained : Flow::Ended;
    const auto size = static_cast<std::size_t>(got);
    if (const Flow flow = send(to, shared_buffer, size); flow != Flow::Drained) return flow;
    if (size < sizeof shared_buffer) return Flow::Drained;
  }
}

SplicePump::SplicePump() {
  int ends[2];
  if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) die("pipe2");
  pipe_out_ = Fd(ends[0]);
  pipe_in_ = Fd(ends[1]);
}

Flow SplicePump::flush(const Fd& to) {
  while (piped_ > 0) {
    const ssize_t moved =
        splice(pipe_out_.get(), nullptr, to.get(), nullptr, piped_, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (moved < 0) return would_block() ? Flow::Blocked : Flow::Ended;
    piped_ -= static_cast<std::size_t>(moved);
  }
  return Flow::Drained;
}

Flow SplicePump::move(const Fd& from, const Fd& to) {
  for (;;) {
    if (const Flow flow = flush(to); flow != Flow::Drained) return flow;
    const ssize_t moved =
        splice(from.get(), nullptr, pipe_in_.get(), nullptr, kBufferBytes, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (moved == 0) return Flow::Ended;
    if (moved < 0) return would_block() ? Flow::Drained : Flow::Ended;
    piped_ += static_cast<std::size_t>(moved);
  }
}

}  // namespace tidegate::bench
