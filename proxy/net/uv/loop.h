// The inside of UvRuntime: the libuv loop, what its callbacks share, and the handles whose memory must outlive their
// owners. Included by net/ only.
//
// Owner and handle are two objects. The owner (a Stream, a Listener, an Operation) dies when its holder lets go; the
// handle is libuv's and is freed in its close callback. The owner's destructor unties the handle first, so that no
// callback finds an owner that was destroyed.
#pragma once

#include <uv.h>

#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "net/uv/uv_runtime.h"

namespace tidegate::net {

struct UvRuntime::Loop {
  explicit Loop(UvRuntime& runtime);
  ~Loop();

  // Reads land here; a piece is used up before the next read. A little less than 64 KiB: a full 64 KiB write leaves a
  // tiny second segment on the loopback (65,483 bytes is its largest).
  static constexpr size_t kReadBuffer = 60 * 1024;

  UvRuntime& runtime;
  uv_loop_t uv;
  uv_timer_t timer;
  uv_prepare_t prepare;
  uv_check_t check;
  uv_async_t async;
  Time now;
  bool now_stale = false;  // polling may have taken time: the next query reads the clock
  bool stopping = false;
  std::mutex posted_mutex;
  std::vector<std::function<void()>> posted;
  std::vector<std::unique_ptr<Disposable>> disposed;
  std::array<char, kReadBuffer> read_buffer;

  void refresh_now();
  void empty_graveyard();
  void run_posted();
  void arm_timer();
};

// "connect 127.0.0.1:1: connection refused", as an Error with the code that fits.
Error uv_error(int status, const std::string& what);

// A sockaddr of either family.
sockaddr_storage to_sockaddr(const SocketAddress& address);
socklen_t size_of(const sockaddr_storage& storage);
SocketAddress from_sockaddr(const sockaddr_storage& storage);
// That a socket is bound to.
SocketAddress bound_address(int socket);

// Takes over a connected, initialised uv_tcp_t (heap-allocated; freed when closed).
std::unique_ptr<Stream> make_uv_stream(UvRuntime::Loop& loop, uv_tcp_t* handle);
// Closes a heap-allocated handle and frees it in the close callback.
void close_and_free(uv_tcp_t* handle);

}  // namespace tidegate::net
