// What is read from a request before anything is done with it: what the plan decides by, what it says about a job, and
// how much of its body may be needed again.
#pragma once

#include <memory>

#include "base/result.h"
#include "core/exchange/limit_check.h"
#include "core/exchange/request_body.h"
#include "core/jobs/job_preferences.h"
#include "core/routing/route_table.h"
#include "core/upstream/forward.h"
#include "http/message/head.h"
#include "policy/plan.h"

namespace tidegate::core {

struct RequestIntake {
  policy::RequestTraits traits;
  std::unique_ptr<JobPreferences> preferences;  // null: it says nothing about a job, or the route has no queue
  RequestBody::Needs body;
};

// Who sent the request, its identifiers, and to which protocol it may switch.
RequestContext request_context(http::Responder& responder, const RouteState& route);

// `upgrade`: it asks for another protocol, and may. Error: invalid, with a sentence for the client.
Result<RequestIntake> read_request(const http::RequestHead& head, const RouteState& route, uint64_t rate_key_secret,
                                   const IpAddress& client, bool upgrade);

}  // namespace tidegate::core
