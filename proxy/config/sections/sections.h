// The readers of the sections of the file, one function each. A reader stores the values in the Config and reports
// mistakes to the section. The defaults are those of config.h and policy/.
#pragma once

#include "config/config.h"
#include "config/yaml/section.h"

namespace tidegate::config {

constexpr int kCountMax = 1'000'000'000;  // of what has no limit of its own

void read_config(Section& root, Config& out);

void read_upstream(Section& section, Upstream& out);
void read_queue(Section& section, Queue& out);
void read_listener(Section& section, Listener& out);
void read_route(Section& section, Route& out);

// Sections that occur in several places.
void read_tls_version(Section& section, net::TlsVersion& out);
// A certificate needs its key, and a key its certificate.
void read_tls_identity(Section& section, std::string& cert_file, std::string& key_file);
void read_tls_file(Section& section, std::string_view key, std::string& out);
// Everything of a `tls` section towards a server.
void read_tls_client(Section& section, net::TlsClientConfig& out);
// Reads the section `tls` beside the URL of a server, for which it has no effect where that is without TLS (`out`:
// none).
void read_server_tls(Section& section, std::optional<net::TlsClientConfig>& out);
policy::BreakerConfig read_breaker(Section& section);
policy::BulkheadConfig read_bulkhead(Section& section);
void read_backoff(Section& section, policy::BackoffConfig& out);
// Reads a list of conditions. False: absent or invalid, and `out` is unchanged. `decisions`: the list may contain
// breaker_open, bulkhead_full and pool_full.
bool read_conditions(Section& section, std::string_view key, policy::Conditions& out, bool decisions);
// Reads a list of statuses and classes of them, likewise.
bool read_statuses(Section& section, std::string_view key, policy::Conditions& out);
// Reports a duration that is longer than its limit, at the limit where that is written.
void check_order(Section& section, std::string_view key, Duration value, std::string_view max_key, Duration max);
// The required name of another section: which one, cross_checks.cc looks for.
void read_reference(Section& section, std::string_view key, std::string& out);
void read_rate_limit(Section& section, RateLimit& out);
void read_fallback(Section& section, Fallback& out);

}  // namespace tidegate::config
