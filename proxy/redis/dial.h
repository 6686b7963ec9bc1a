// From an address to a connection that the server has greeted: name, TCP, TLS, AUTH, SELECT, PING.
//
//   connect ──▶ greet ──▶ done (the callback; silence afterwards)
//      └──────────┴─ failure, timeout ──▲
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "net/runtime.h"
#include "net/tls/connect_server.h"
#include "redis/address.h"

namespace tidegate::redis {

using DialCallback = std::function<void(Result<std::unique_ptr<net::Stream>>)>;

// PING is always sent: the kernel accepts connections for a stopped process, and only a reply shows that it runs.
// A server that is loading, or wants a password, is a failure. The callback runs later, once; it gives the stream a
// new user. Destroying the operation closes the connection. `runtime` outlives it.
// `tls`: of an address that is rediss://; its handshake has a time of its own.
// Errors: as net::connect_server; timeout, reset, invalid (not RESP), unavailable (the server refuses us).
[[nodiscard]] std::unique_ptr<net::Operation> dial(net::Runtime& runtime, const Address& address,
                                                   const net::TlsServer& tls, Duration timeout, DialCallback done);

}  // namespace tidegate::redis
