// Looks names up for all loops of a process. A look-up blocks and cannot be cancelled, so each has a thread of its own,
// and a slow one delays no other: neither a look-up nor a file. At most `threads_max` run at once; further names wait
// in order. A name that is being looked up is not looked up twice: who wants it meanwhile gets the same result.
//
//   look_up ──▶ waiting ──a thread is free──▶ running ──▶ every sink that is left gets the result
//                  ├── nobody wants it any more ──▶ dropped
//                  └── no thread runs, and none can be started ──▶ every sink gets the error
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/pending_reply.h"

namespace tidegate::net {

using Addresses = std::vector<IpAddress>;

class LookupThreads {
 public:
  using Lookup = std::function<Result<Addresses>(const std::string& host)>;
  using Reply = PendingReply<Result<Addresses>>;
  using Sink = ReplySink<Result<Addresses>>;
  // Runs it on a new thread. Throws std::system_error where there can be none.
  using ThreadStarter = std::function<void(const std::function<void()>& run)>;

  // `lookup` is called on several threads at once.
  explicit LookupThreads(Lookup lookup, size_t threads_max = 64, ThreadStarter start_thread = start_detached);
  // Waits for nothing: a thread that is in a look-up ends by itself after it.
  ~LookupThreads();
  LookupThreads(const LookupThreads&) = delete;
  LookupThreads& operator=(const LookupThreads&) = delete;

  // Those of the process: getaddrinfo. Never destroyed.
  static LookupThreads& of_process();

  // On any thread. The sink gets the result, unless it is destroyed before.
  void look_up(const std::string& host, const std::shared_ptr<Sink>& sink);

 private:
  static void start_detached(const std::function<void()>& run);

  struct Shared;  // with the threads
  std::shared_ptr<Shared> shared_;
  const ThreadStarter start_thread_;
};

// The addresses of a name by getaddrinfo, IPv4 first, each once and at most 64. Blocks. Errors: not_found, unavailable,
// exhausted (descriptors, memory).
Result<Addresses> look_up_blocking(const std::string& host);

}  // namespace tidegate::net
