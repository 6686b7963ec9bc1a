// The access log: one line per request, with its outcome.
#pragma once

#include <string>
#include <string_view>

#include "base/ip.h"
#include "base/time.h"
#include "config/config.h"
#include "http/message/head.h"
#include "policy/outcome.h"

namespace tidegate::core {

struct AccessEntry {
  const http::RequestHead& head;
  std::string_view route;
  policy::Outcome outcome;
  uint16_t code;
  Duration took;
  const IpAddress& client;
  std::string_view request_id;
  int attempts;
  std::string_view endpoint;  // of the last attempt; "": there was none
  uint64_t response_bytes;
  std::string_view reason;        // why the request ended as it did; "" where nothing failed
  std::string_view job_id;        // of the job that it has become, or asks about; "": none
  std::string_view upgrade = {};  // the protocol of a tunnel; "": it was none
  uint64_t bytes_in = 0;          // through a tunnel, from the client
};

// Logs the entry if `log.access` includes it (`errors`: all except proxied requests with a status below 500), with as
// much of its query as `log.query` allows.
void log_access(const AccessEntry& entry, const config::Log& log);

}  // namespace tidegate::core
