#include "core/exchange/open_tunnel.h"

#include <utility>

namespace tidegate::core {

std::unique_ptr<Tunnel> open_tunnel(Worker& worker, http::Responder& responder, const config::Route& route,
                                    const RequestContext& context, SwitchedUpstream upstream, TunnelUser& user) {
  const http::Responder::Switched client = responder.switch_protocols();
  auto tunnel = std::make_unique<Tunnel>(worker.runtime(), client.stream, std::move(upstream.stream),
                                         Tunnel::Limits{route.timeout.tunnel_idle, route.timeout.idle}, user);
  std::string& head = worker.scratch();
  head.clear();
  write_switch_head(head, upstream.head, context.upgrade, context.request_id);
  tunnel->start({head, upstream.received, client.received});
  return tunnel;
}

}  // namespace tidegate::core
