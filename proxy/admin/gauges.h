// Sets the gauges that mirror state held elsewhere (breakers, bulkheads, queues), before /metrics is rendered.
#pragma once

#include "core/gateway.h"

namespace tidegate::admin {

void set_gauges(core::Gateway& gateway, net::Runtime& runtime);

}  // namespace tidegate::admin
