// Fetches the body that a job refers to: GET, from a host that the route lists now (the configuration may have changed
// since the job was accepted), within the route's time and size, into memory or a temporary file. Redirects are not
// followed. Runs on the loop of `runtime`; it and the budget outlive the operation and the body.
//
//   connecting ──▶ receiving ──200, whole──▶ settling (disk) ──▶ ended: the body
//       │             │ 403, 404, 410      ──▶ ended: hopeless, reference_gone
//       │             │ more than max_body ──▶ ended: hopeless, reference_too_large
//       ├─────────────┴ anything else      ──▶ ended: failed, reference_unreachable
//       └ no descriptor, local port or     ──▶ ended: own_failure (as where the disk fails)
//         certificate of ours
//   refused (its host is not listed, the route takes no references) ──▶ ended: hopeless, reference_refused
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "config/config.h"
#include "core/buffer_budget.h"
#include "jobs/replay/replayer.h"
#include "net/runtime.h"
#include "net/tls/connect_server.h"

namespace tidegate::core {

// `tls`: for URLs that are https://. `enqueue`: the route's; null where it has no queue any more. The callback runs
// later, once. The body may be read after the operation has gone.
[[nodiscard]] std::unique_ptr<net::Operation> fetch_reference(net::Runtime& runtime, BufferBudget& budget,
                                                              const net::TlsServer& tls,
                                                              const config::FallbackEnqueue* enqueue,
                                                              const std::string& url,
                                                              std::function<void(jobs::FetchedBody)> done);

}  // namespace tidegate::core
