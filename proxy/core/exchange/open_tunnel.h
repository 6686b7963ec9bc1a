// How an exchange becomes a tunnel: the 101 goes to the client, and both connections to the Tunnel.
#pragma once

#include <memory>
#include <string_view>

#include "config/config.h"
#include "core/exchange/tunnel.h"
#include "core/upstream/forward.h"
#include "core/worker.h"
#include "http/server/server.h"

namespace tidegate::core {

// An upstream that has switched to the protocol that the request asked for.
struct SwitchedUpstream {
  const http::ResponseHead& head;
  std::unique_ptr<net::Stream> stream;
  std::string_view received;  // behind the head
};

// All but `upstream` outlive the tunnel.
std::unique_ptr<Tunnel> open_tunnel(Worker& worker, http::Responder& responder, const config::Route& route,
                                    const RequestContext& context, SwitchedUpstream upstream, TunnelUser& user);

}  // namespace tidegate::core
