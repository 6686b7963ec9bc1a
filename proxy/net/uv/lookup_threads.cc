#include "net/uv/lookup_threads.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "net/uv/loop.h"

namespace tidegate::net {

namespace {

constexpr size_t kAddressesMax = 64;
constexpr size_t kNameBytesMax = 254;  // with the dot at the end of an absolute name

ErrorCode code_of_lookup(int status, int system_error) {
  switch (status) {
    case EAI_AGAIN:
    case EAI_FAIL: return ErrorCode::unavailable;
    case EAI_MEMORY: return ErrorCode::exhausted;
    case EAI_SYSTEM:
      return system_error == EMFILE || system_error == ENFILE || system_error == ENOMEM ? ErrorCode::exhausted
                                                                                        : ErrorCode::unavailable;
    default: return ErrorCode::not_found;
  }
}

Error lookup_error(const std::string& host, int status, int system_error) {
  const char* const why = status == EAI_SYSTEM ? std::strerror(system_error) : ::gai_strerror(status);
  return {code_of_lookup(status, system_error), "resolve " + host + ": " + why};
}

// What no name server needs to be asked about.
bool may_exist(const std::string& host) {
  const auto is_text = [](unsigned char c) { return c > ' ' && c < 0x7f; };
  return !host.empty() && host.size() <= kNameBytesMax && std::all_of(host.begin(), host.end(), is_text);
}

}  // namespace

struct LookupThreads::Shared {
  Shared(Lookup look_up, size_t max) : lookup(std::move(look_up)), threads_max(max) {}

  const Lookup lookup;
  const size_t threads_max;
  std::mutex mutex;
  size_t threads = 0;
  // Each name that waits or is being looked up, and who wants it.
  std::map<std::string, std::vector<std::weak_ptr<Sink>>> wanted;
  std::deque<std::string> waiting;

  // Under the lock. The next name that somebody still wants.
  bool take_next(std::string* host) {
    while (!waiting.empty()) {
      *host = std::move(waiting.front());
      waiting.pop_front();
      const auto& sinks = wanted[*host];
      if (std::any_of(sinks.begin(), sinks.end(), [](const auto& sink) { return !sink.expired(); })) return true;
      wanted.erase(*host);
    }
    return false;
  }

  void reply(const std::string& host, const Result<Addresses>& result) {
    std::vector<std::weak_ptr<Sink>> sinks;
    {
      const std::lock_guard lock(mutex);
      const auto found = wanted.find(host);
      sinks = std::move(found->second);
      wanted.erase(found);
    }
    for (const auto& weak : sinks) {
      if (const auto sink = weak.lock()) sink->send(result);
    }
  }

  // A thread that was counted does not run. What waits is another's; where there is none, nobody would look it up.
  void thread_missing(const std::string& why) {
    std::deque<std::string> left;
    {
      const std::lock_guard lock(mutex);
      if (--threads > 0) return;
      left = std::exchange(waiting, {});
    }
    for (const std::string& host : left) {
      reply(host, Error{ErrorCode::exhausted, "resolve " + host + ": no thread: " + why});
    }
  }

  // A thread's life.
  void run() {
    std::string host;
    for (;;) {
      {
        const std::lock_guard lock(mutex);
        if (!take_next(&host)) {
          --threads;
          return;
        }
      }
      reply(host, lookup(host));
    }
  }
};

LookupThreads::LookupThreads(Lookup lookup, size_t threads_max, ThreadStarter start_thread)
    : shared_(std::make_shared<Shared>(std::move(lookup), threads_max)), start_thread_(std::move(start_thread)) {}

LookupThreads::~LookupThreads() = default;

LookupThreads& LookupThreads::of_process() {
  static auto* const threads = new LookupThreads(look_up_blocking);  // threads may run when the process ends
  return *threads;
}

void LookupThreads::start_detached(const std::function<void()>& run) { std::thread(run).detach(); }

void LookupThreads::look_up(const std::string& host, const std::shared_ptr<Sink>& sink) {
  {
    const std::lock_guard lock(shared_->mutex);
    const auto [entry, is_new] = shared_->wanted.try_emplace(host);
    std::erase_if(entry->second, [](const auto& other) { return other.expired(); });
    entry->second.push_back(sink);
    if (is_new) shared_->waiting.push_back(host);
    // Also for names of before, whose thread could not be started.
    if (shared_->waiting.empty() || shared_->threads == shared_->threads_max) return;
    ++shared_->threads;
  }
  try {
    start_thread_([shared = shared_] { shared->run(); });
  } catch (const std::system_error& error) {
    shared_->thread_missing(error.what());
  }
}

Result<Addresses> look_up_blocking(const std::string& host) {
  if (!may_exist(host)) return lookup_error(host, EAI_NONAME, 0);
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int status = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (status != 0) return lookup_error(host, status, errno);
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, &::freeaddrinfo);
  Addresses addresses;
  for (const addrinfo* each = found; each; each = each->ai_next) {
    sockaddr_storage storage{};
    std::memcpy(&storage, each->ai_addr, each->ai_addrlen);
    const IpAddress ip = from_sockaddr(storage).ip;
    if (std::find(addresses.begin(), addresses.end(), ip) == addresses.end()) addresses.push_back(ip);
  }
  std::stable_partition(addresses.begin(), addresses.end(), [](const IpAddress& ip) { return !ip.v6; });
  if (addresses.size() > kAddressesMax) addresses.resize(kAddressesMax);
  if (addresses.empty()) return lookup_error(host, EAI_NONAME, 0);
  return addresses;
}

}  // namespace tidegate::net
