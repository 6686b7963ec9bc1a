// A whole HTTP exchange as one operation, for small messages: health checks, the command line, the watermark API's
// calls to Tidegate, tests. The proxy's own traffic does not use it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "http/message/head.h"
#include "net/runtime.h"
#include "net/tls/connect_server.h"

namespace tidegate::http {

struct FetchRequest {
  std::string method = "GET";
  std::string host;  // "127.0.0.1:8081", "name:80", "[::1]:80"
  std::string target = "/";
  std::vector<std::pair<std::string, std::string>> fields;  // Host and Content-Length are added
  std::string body;
  Duration timeout = 10s;            // for all of it
  size_t body_bytes_max = 32 << 20;  // a larger response is an error
  bool status_only = false;          // the response ends with its headers: whatever becomes of its body
  net::TlsServer tls = {};           // where `host` is reached by https://; its port then is 443 if absent
  // How to connect, where not to `host`: it then is the Host of the request only. The error is passed on.
  std::function<std::unique_ptr<net::Operation>(net::ConnectCallback done)> connect = {};
  // A failure before this is one of connecting: the host has seen nothing of the request. Must not destroy the
  // operation.
  std::function<void()> on_connected = {};
};

struct FetchResponse {
  uint16_t status = 0;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
  // The first value of that name (case-insensitive), or "".
  std::string_view field(std::string_view name) const;
};

using FetchCallback = std::function<void(Result<FetchResponse>)>;

// The callback runs later, once. Destroying the operation closes the connection. Errors: as net::connect_server;
// timeout, reset, invalid (not HTTP), exhausted (response too large).
[[nodiscard]] std::unique_ptr<net::Operation> fetch(net::Runtime& runtime, FetchRequest request, FetchCallback done);

// "http://host[:port][/path]" -> host with port and target; an empty path is "/".
struct HttpUrl {
  std::string host;  // with port
  std::string target;
  bool tls = false;  // https://
};
// http:// or https://
Result<HttpUrl> parse_url(std::string_view url);
// http:// only
Result<HttpUrl> parse_http_url(std::string_view url);

}  // namespace tidegate::http
