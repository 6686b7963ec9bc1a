// The handshakes of clients that are under way on a listener with TLS. Owned by its server.
#pragma once

#include <functional>
#include <list>
#include <memory>

#include "net/runtime.h"
#include "net/tls/tls_context.h"

namespace tidegate::http {

class TlsAccept {
 public:
  // The runtime outlives it.
  TlsAccept(net::Runtime& runtime, std::shared_ptr<net::TlsContext> context)
      : runtime_(runtime), context_(std::move(context)) {}

  // `done` is called once, unless this is destroyed before: at once where the context has no files, else later.
  void begin(std::unique_ptr<net::Stream> stream, Duration timeout, net::ConnectCallback done);
  size_t under_way() const { return under_way_.size(); }

 private:
  net::Runtime& runtime_;
  const std::shared_ptr<net::TlsContext> context_;
  std::list<std::unique_ptr<net::Operation>> under_way_;
};

}  // namespace tidegate::http
