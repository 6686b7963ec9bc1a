// The configuration as typed, immutable values. Only load/loader.h makes one; it has checked every range and reference,
// so code that reads a Config does not check again. The defaults are the initial values here and in the policies' own
// structs (policy/); retry_defaults() is the one exception.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ip.h"
#include "base/log.h"
#include "base/time.h"
#include "http/target/path.h"
#include "http/target/shown_target.h"
#include "net/names/name_config.h"
#include "net/tls/tls_config.h"
#include "policy/endpoints/endpoint_choice.h"
#include "policy/plan.h"
#include "redis/address.h"

namespace tidegate::config {

enum class AccessLog : uint8_t { all, errors, off };

// Of the process.
struct Limits {
  uint64_t buffered = 256ull << 20;  // memory of all buffered and kept bodies together
};

struct Log {
  LogLevel level = LogLevel::info;
  std::optional<LogFormat> format;  // none = auto: text on a terminal, else JSON
  AccessLog access = AccessLog::errors;
  http::ShownQuery query = http::ShownQuery::names;
};

struct Admin {
  SocketAddress address{*IpAddress::parse("127.0.0.1"), 9901};
  std::string token;  // "" = none; required where the address is not loopback
  bool read_only = false;
  std::vector<std::string> hosts;  // lower case: names by which /api/ may be called without the token
};

struct Endpoint {
  std::string host;  // a name, with the dot at its end if it is absolute, or an address without brackets
  uint16_t port = 80;
  std::string authority;  // "host:port" without that dot: for messages, and as Host if the request has none
  bool tls = false;       // https://
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

using policy::Balance;

struct Upstream {
  std::string name;
  std::vector<Endpoint> endpoints;  // at least one
  Balance balance = Balance::least_requests;
  Duration connect_timeout = 3s;  // over all addresses of an endpoint
  net::TlsClientConfig tls;       // of the endpoints that are https://
  net::NameConfig dns;            // of the endpoints that are names
  int max_connections = 100;      // over all workers
  int max_pending = 100;          // requests that may wait for a connection
  Duration pending_timeout = 5s;  // how long each may wait
  int max_idle_connections = 10;
  Duration idle_timeout = 90s;
  std::optional<policy::HealthCheckConfig> health_check;
  std::optional<policy::EjectionConfig> outlier_ejection;
  std::optional<policy::BreakerConfig> breaker;  // none: the section is absent; an empty section means the defaults
  std::optional<policy::BulkheadConfig> bulkhead;
  std::optional<policy::RetryBudgetConfig> retry_budget;
  friend bool operator==(const Upstream&, const Upstream&) = default;
};

struct Replay {
  int concurrency = 4;
  int max_attempts = 5;
  Duration timeout = 60s;
  policy::BackoffConfig backoff{1s, 300s, policy::Jitter::equal};
};

// Whom TLS trusts where a section has no authorities of its own, and for callbacks and references.
struct Tls {
  std::string ca_file;  // "" = whom the system trusts
};

// sqlite:///path
struct SqliteUrl {
  std::string path;
};

// amqp://user:password@host:port/vhost, or amqps:// for TLS
struct AmqpUrl {
  std::string host;      // a name or an address, without brackets
  uint16_t port = 5672;  // 5671 of amqps://, where it has none
  std::string user = "guest";
  std::string password = "guest";
  std::string vhost = "/";
  std::optional<net::TlsClientConfig> tls = {};  // amqps://
  // "amqp://user@host:port/vhost", for logs and messages; never the password.
  std::string shown() const;
};

using QueueUrl = std::variant<SqliteUrl, redis::Address, AmqpUrl>;
using ResultsUrl = std::variant<SqliteUrl, redis::Address>;

struct Queue {
  std::string name;
  QueueUrl url;
  // amqp (required): where records and results are stored. Every other queue stores its own.
  std::optional<ResultsUrl> results_url;
  std::string spool_path = "/var/lib/tidegate/spool.db";  // redis, amqp: an SQLite file that only this queue uses
  bool strict_durability = true;  // redis: accept jobs only if the AOF is fsynced on every write
  Duration results_ttl = std::chrono::hours(24);
  uint64_t max_jobs = 100000;
  uint64_t max_bytes = 10ull << 30;
  uint64_t min_free_disk = 64ull << 20;  // of the volumes of its files; 0 = none
  Duration job_ttl = std::chrono::hours(24);
  Replay replay;
  // How TLS is spoken to each of its servers; empty where none has TLS.
  std::vector<const net::TlsClientConfig*> tls() const;
};

struct ListenerLimits {
  uint64_t header_bytes = 32 * 1024;
  int headers = 100;
  uint64_t body = 32ull << 20;
  int connections = 10000;
  Duration header_timeout = 5s;
  Duration body_timeout = 60s;
  Duration write_timeout = 60s;
  Duration idle_timeout = 120s;
  uint64_t min_rate = 1024;  // bytes a second of a body for which something of the upstream's is held; 0 = none
  Duration min_rate_grace = 10s;
};

struct RateKeyPart {
  enum class Kind : uint8_t { client_ip, header, global } kind = Kind::client_ip;
  std::string header;  // Kind::header
};

enum class OnStoreFailure : uint8_t { local, allow, deny };

struct RateLimit {
  std::vector<RateKeyPart> key{{}};
  policy::RateLimitConfig limit;
  int ipv6_prefix = 64;
  std::optional<redis::Address> store;  // none = local: each process counts for itself
  OnStoreFailure on_store_failure = OnStoreFailure::local;
};

struct Match {
  std::vector<std::string> methods;  // empty = any
  std::string host;                  // "" = any; compared without port, case-insensitively
  std::string path;                  // without the trailing '*'; required, so never "" in a loaded Config
  bool prefix = false;               // the path ended in '*'
};

// A POST at the end of a job, signed as Standard Webhooks specifies.
struct Callback {
  std::string url;     // http:// or https://, host[:port]/path
  std::string secret;  // the HMAC key as configured: "whsec_" + base64, or any text of at least 16 bytes
};

struct FallbackEnqueue {
  std::string queue;
  uint64_t max_body = 32ull << 20;
  std::vector<std::string> drop_headers{"authorization", "cookie"};  // lower case
  bool by_reference = false;                                         // body: reference
  std::vector<std::string> reference_hosts;  // "host" (any port) or "host:port", lower case; required by_reference
  Duration reference_timeout = 30s;          // of one fetch of a referenced body, at replay
  std::optional<Callback> callback;
};

struct FallbackRespond {
  uint16_t status = 503;
  std::string content_type = "text/plain";
  std::string body;
};

struct Fallback {
  policy::Conditions on = *policy::Conditions::of({"breaker_open", "bulkhead_full", "pool_full", "connect_failure"});
  std::variant<FallbackEnqueue, FallbackRespond> action;
};

// What an empty `retry:` section means. Without the section nothing is retried (policy::RetryConfig's own defaults).
inline policy::RetryConfig retry_defaults() {
  policy::RetryConfig retry;
  retry.max_attempts = 2;
  retry.on = *policy::Conditions::of({"connect_failure"});
  return retry;
}

// What of a body waits here rather than at the upstream. All 0: nothing is buffered.
struct Buffering {
  uint64_t request = 1ull << 20;    // bytes of the request's body that are awaited before the upstream is called
  uint64_t response = 1ull << 20;   // bytes of the response that wait in memory for the client
  uint64_t max_temp = 64ull << 20;  // bytes of it that wait in a temporary file, beyond those
};

struct Route {
  std::string name;
  Match match;
  std::string upstream;
  std::optional<RateLimit> rate_limit;
  policy::TimeoutConfig timeout;
  std::string timeout_header = "X-Request-Timeout-Ms";  // "" = clients cannot set a deadline
  policy::RetryConfig retry;
  Buffering buffering;
  std::vector<std::string> upgrades{"websocket"};  // lower case: protocols to which a request may switch
  std::optional<Fallback> fallback;
  std::optional<policy::BreakerConfig> breaker;  // used instead of the upstream's
  std::optional<policy::BulkheadConfig> bulkhead;
};

struct Listener {
  std::string name;
  SocketAddress address;
  std::optional<net::TlsServerConfig> tls;  // none: plain HTTP
  std::vector<Cidr> trusted_proxies{*Cidr::parse("127.0.0.0/8")};
  std::string jobs_path = "/_jobs/";  // begins and ends with '/'
  http::PathRules paths{http::PathNormalization::normalize, http::EncodedSlashes::keep};
  ListenerLimits limits;
  Duration lame_duck{};  // a stopping process is not ready for so long before it stops listening
  std::vector<Route> routes;
};

struct Config {
  std::string file;  // as named on the command line
  int workers = 1;   // 0 = auto
  Duration shutdown_grace = 30s;
  Limits limits;
  Log log;
  Admin admin;
  Tls tls;
  std::string takeover_socket;  // where another process may take over from this one; "" = nowhere
  std::map<std::string, Upstream> upstreams;
  std::map<std::string, Queue> queues;
  std::vector<Listener> listeners;  // at least one
};

}  // namespace tidegate::config
