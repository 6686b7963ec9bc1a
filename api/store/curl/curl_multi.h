// HTTP requests with libcurl on the event loop: net::FdWatch watches its sockets, a net::Timer is its clock, and it
// never blocks. At most `transfers_max` run at once, each with a deadline; further ones wait in a bounded queue.
//
//   start() ──▶ waiting ──a slot is free──▶ transferring ──▶ ended: done() has run
//                  └───── deadline, transfer failed ────────────▲
//
// Destroying an operation cancels it: done() does not run, and the connection is closed.
#pragma once

#include <curl/curl.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/store/object.h"
#include "base/result.h"
#include "net/timer.h"
#include "net/uv/fd_watch.h"

namespace tidegate::api {

struct HttpCall {
  std::string method = "GET";          // GET, HEAD, PUT or DELETE
  std::string url;                     // http:// or https://
  std::vector<std::string> fields;     // "Name: value"
  ObjectPtr body;                      // PUT: read while it is sent, so it must not change
  size_t reply_bytes_max = 0;          // limit of a 2xx body; of other bodies, kErrorBytesMax are kept
  Duration timeout = 5s;               // from start() to done()
  const char* field_wanted = nullptr;  // a response header to return
  bool urgent = false;                 // uses the slots reserved for urgent calls
};

struct HttpReply {
  long status = 0;
  std::string content_type;
  std::string field;  // the value of field_wanted; "": absent
  std::string body;
};

struct CurlLimits {
  size_t transfers_max = 32;
  size_t urgent_max = 8;  // further slots, for urgent calls
  size_t waiting_max = 256;
  Duration connect_timeout = 2s;  // with name resolution and TLS
  int slow_bytes_per_s = 1024;    // a transfer that is slower than this…
  Duration slow_for = 10s;        // …for so long is aborted; whole seconds
  std::string ca_file = {};       // PEM: who may sign certificates; "": whom the system trusts
};

class CurlMulti {
 public:
  using Callback = std::function<void(Result<HttpReply>)>;
  static constexpr size_t kErrorBytesMax = 64 << 10;

  // Error: invalid if this libcurl would block the event loop while it resolves names.
  static Status check_library();

  // The runtime must outlive this object, and this object its operations.
  CurlMulti(net::UvRuntime& runtime, const CurlLimits& limits);
  ~CurlMulti();
  CurlMulti(const CurlMulti&) = delete;
  CurlMulti& operator=(const CurlMulti&) = delete;

  // The callback runs later, once; destroying the operation cancels it. A response of any status is a reply; redirects
  // are not followed. Errors: unavailable (no connection, or a broken one), timeout, exhausted (too many requests at
  // once, or the response is too large).
  [[nodiscard]] std::unique_ptr<net::Operation> start(HttpCall call, Callback done);

  size_t transfers() const { return transfers_; }
  size_t waiting() const { return waiting_.size(); }

 private:
  class Transfer;

  static int on_socket(CURL* easy, curl_socket_t descriptor, int what, void* self, void* socket);
  static int on_timeout_changed(CURLM* multi, long after_ms, void* self);
  void drive(curl_socket_t descriptor, int events);
  void collect();
  void admit();

  net::UvRuntime& runtime_;
  const CurlLimits limits_;
  CURLM* const multi_;
  size_t transfers_ = 0;
  size_t urgent_ = 0;
  std::deque<Transfer*> waiting_;
  std::unordered_map<curl_socket_t, std::unique_ptr<net::FdWatch>> watches_;
  net::Timer timer_;
};

}  // namespace tidegate::api
