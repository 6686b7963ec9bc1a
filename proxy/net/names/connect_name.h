// A connection to one of the addresses of a watched name: those that are known are raced at once (address_race.h). Only
// where none is known yet, or any more, a look-up is awaited (connect_host.h has the picture).
#pragma once

#include <cstdint>
#include <memory>

#include "net/names/watched_name.h"
#include "net/runtime.h"

namespace tidegate::net {

// `timeout` bounds all of it. The callback runs later, once; it may destroy the operation. Runtime and name outlive it.
// Errors: as Runtime::resolve, or as race_addresses.
[[nodiscard]] std::unique_ptr<Operation> connect_name(Runtime& runtime, WatchedName& name, uint16_t port,
                                                      Duration timeout, ConnectCallback done);

}  // namespace tidegate::net
