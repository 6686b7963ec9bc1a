#include "net/names/connect_name.h"

#include <utility>

#include "net/connect_host.h"

namespace tidegate::net {

std::unique_ptr<Operation> connect_name(Runtime& runtime, WatchedName& name, uint16_t port, Duration timeout,
                                        ConnectCallback done) {
  const auto observer = [&runtime, &name](const IpAddress& address, AddressVerdict verdict) {
    name.judge(address, verdict, runtime.now());
  };
  if (const auto order = name.next_order(runtime.now()); !order.empty()) {
    return race_addresses(runtime, order, port, timeout, std::move(done), observer);
  }
  const auto wait = [&runtime, &name](ResolveCallback resolved) {
    return name.await_order(runtime, std::move(resolved));
  };
  return connect_by(runtime, {name.host(), wait, observer}, port, timeout, std::move(done));
}

}  // namespace tidegate::net
