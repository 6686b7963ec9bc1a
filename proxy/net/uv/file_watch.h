// Tells when a file is another one: written, replaced by a rename as editors do it, or reached through a symbolic link
// that was swapped, as Kubernetes does it with the `..data` of a ConfigMap or Secret. The folder in which the file is
// named is watched, for a watch of the file itself would stay with what was replaced. A file that a link of another
// folder names is not watched there.
// A file that is written in place is taken once it has not been written for kWriteSettle, so that no half of it is
// read; one that was renamed is whole. A look every kRecheckInterval finds what the watch has missed, and watches a
// folder that was replaced.
//
//   quiet ──something in the folder──▶ settling ──nothing more for kSettle, or kSettleMax after the first──▶ compare
//     ▲      └── every kRecheckInterval ──▶ compare                 the file is another: on_change ◀──────────────┤
//     └──────────────────────────────────────────────────────────────────────────────────────────────────────────┘
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "net/file_state.h"
#include "net/uv/uv_runtime.h"

namespace tidegate::net {

// `known`: the state of the file that is in use, from before it was read: one that has changed since is reported.
// `on_change` runs on the runtime's loop, once for a burst of writes; it may destroy the watch. A file that is missing
// has changed once it is there again. The runtime outlives the operation. Errors: not_found (the folder), exhausted
// (the system's inotify instances or watches are used up), io.
[[nodiscard]] Result<std::unique_ptr<Operation>> watch_file(UvRuntime& runtime, const std::string& path,
                                                            std::optional<FileState> known,
                                                            std::function<void()> on_change);

}  // namespace tidegate::net
