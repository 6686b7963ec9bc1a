// HTTP requests by libcurl on our loop: its sockets are watched by net::FdWatch, its clock is a net::Timer, and nothing
// of it blocks. At most `transfers_max` at once, each with one overall bound in time; more wait in a bounded list.
//
//   start() ──▶ waiting ──a place──▶ transferring ──▶ ended: done() has run
//                  └──── deadline, transfer failed ─────▲          destroyed early: silence, the connection is closed
#pragma once

#include <curl/curl.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/store/image.h"
#include "base/result.h"
#include "net/timer.h"
#include "net/uv/fd_watch.h"

namespace tidegate::api {

struct HttpCall {
  std::string method = "GET";       // GET, HEAD, PUT or DELETE
  std::string url;                  // http:// or https://
  std::vector<std::string> fields;  // "Name: value"
  ObjectPtr body;                   // PUT: read from there while it is sent; must not change
  size_t reply_bytes_max = 0;       // of a body with a 2xx; of any other, at most kErrorBytesMax are kept
  Duration timeout = 5s;            // from start() to the end
  const char* field_wanted = nullptr;
  bool urgent = false;  // has a few places of its own
};

struct HttpReply {
  long status = 0;
  std::string content_type;
  std::string field;  // the value of field_wanted; "" where it is not there
  std::string body;
};

struct CurlLimits {
  size_t transfers_max = 32;
  size_t urgent_max = 8;  // besides
  size_t waiting_max = 256;
  Duration connect_timeout = 2s;  // with the name's resolution, and TLS
  int slow_bytes_per_s = 1024;    // a transfer slower than this…
  Duration slow_for = 10s;        // …for so long is given up; whole seconds
};

class CurlMulti {
 public:
  using Callback = std::function<void(Result<HttpReply>)>;
  static constexpr size_t kErrorBytesMax = 64 << 10;

  // Errors: invalid: this libcurl would block the loop while it resolves names.
  static Status check_library();

  // The runtime outlives this, this its operations.
  CurlMulti(net::UvRuntime& runtime, const CurlLimits& limits);
  ~CurlMulti();
  CurlMulti(const CurlMulti&) = delete;
  CurlMulti& operator=(const CurlMulti&) = delete;

  // The callback runs later, once; destroying the operation silences it. An answer of any status is a reply; redirects
  // are not followed. Errors: unavailable (not reached, broken off), timeout, exhausted (too much under way, or a reply
  // that is too large).
  [[nodiscard]] std::unique_ptr<net::Operation> start(HttpCall call, Callback done);

  size_t transfers() const { return transfers_; }
  size_t waiting() const { return waiting_.size(); }

 private:
  class Transfer;

  static int on_socket(CURL* easy, curl_socket_t descriptor, int what, void* self, void* socket);
  static int on_timeout_changed(CURLM* multi, long after_ms, void* self);
  void act(curl_socket_t descriptor, int events);
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
