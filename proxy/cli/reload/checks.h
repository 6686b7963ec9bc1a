// Which changes of the configuration a running process can make.
#pragma once

#include <string>
#include <vector>

#include "cli/reload/restart.h"
#include "config/config.h"
#include "core/routing/policies.h"

namespace tidegate::cli {

// "3 jobs (2 queued, 1 dead)"; "": none that somebody may still ask for. Of its callbacks, those that are to be sent.
std::string jobs_held(const std::string& name, const core::QueueState& queue);

// As jobs_held(), also for jobs that are being added.
std::string jobs_in(const std::string& name, const core::QueueState& queue);

// Why the queues cannot become those of `next`: one that is open would be another, or a new one has its file.
std::vector<std::string> refuse_queues(const Candidate& next, const Running& running, core::Policies& policies);

// A queue that would be opened on the file of one that is open, as where it was renamed.
std::vector<std::string> refuse_open_files(const Candidate& next, const Running& running);

// Of the queues of the table in force that `next` has not: why one cannot be removed, for what it holds. Those that
// were removed before stay open by themselves. Appends must have been stopped.
std::vector<std::string> refuse_removals(const config::Config& next, const config::Config& in_force,
                                         core::Policies& policies);

// The admin interface listens where it did at the start: it must not lose its token there.
std::vector<std::string> refuse_admin(const config::Config& next, const StartValues& start);

// An address of `next` that is none of `ours`, and another process listens there, or nobody can.
std::vector<std::string> refuse_addresses(const std::vector<SocketAddress>& ours, const config::Config& next);

}  // namespace tidegate::cli
