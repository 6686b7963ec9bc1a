// listeners[N].routes[N].rate_limit.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "config/sections/sections.h"
#include "config/values/text.h"
#include "config/values/urls.h"
#include "policy/sliding_window.h"

namespace tidegate::config {

namespace {

constexpr uint32_t kWindowCountMax = 100'000;
// Of one sliding window in one process. kKeysMax token buckets take half as much.
constexpr uint64_t kMemoryMax = 1ull << 30;
constexpr int64_t kKeysMax = 10'000'000;

std::string show(const RateKeyPart& part) {
  switch (part.kind) {
    case RateKeyPart::Kind::client_ip: return "client_ip";
    case RateKeyPart::Kind::global: return "global";
    case RateKeyPart::Kind::header: return "header:" + part.header;
  }
  return "";
}

void read_rate_key(Section& section, std::vector<RateKeyPart>& out) {
  constexpr std::string_view kExpected = "`client_ip`, `header:NAME`, `global` or a list of them";
  const auto value = section.find("key");
  if (!value) return;
  if (value->node->kind != Node::Kind::sequence) {
    if (RateKeyPart part; section.parsed("key", part, kExpected, parse_rate_key)) out = {part};
    return;
  }
  if (section.is_empty_list("key")) {
    section.error("key", "is empty; write `global` for one limit shared by all clients");
  }
  section.parsed_list("key", out, kExpected, parse_rate_key);
  std::vector<std::string> names;
  for (const RateKeyPart& part : out) names.push_back(show(part));
  section.refuse_duplicates("key", names);
}

// rate, burst, algorithm: how calls are counted.
bool read_rate(Section& section, policy::RateLimitConfig& out) {
  using policy::RateAlgorithm;
  section.choice<RateAlgorithm>(
      "algorithm", out.algorithm,
      {{"token_bucket", RateAlgorithm::token_bucket}, {"sliding_window", RateAlgorithm::sliding_window}});
  const bool window = out.algorithm == RateAlgorithm::sliding_window;
  Rate rate{out.count, out.window};
  section.parsed("rate", rate, "a rate such as `10/s`", parse_rate);
  out.rate_per_s = rate.per_second();
  out.count = rate.count;
  out.window = rate.window;
  if (window && rate.count > kWindowCountMax) {
    section.error("rate",
                  fmt::format("sliding_window stores every request of the window: write a count of at most {}, not {}",
                              kWindowCountMax, rate.count));
  }
  int64_t burst = std::llround(out.burst);
  if (section.integer("burst", burst, 1, 1'000'000'000)) out.burst = static_cast<double>(burst);
  if (window && section.find("burst")) {
    section.error("burst", "has no effect with `algorithm: sliding_window`; remove it");
  }
  return rate.count <= kWindowCountMax;
}

// Where calls are counted, and what applies while that store is unavailable.
void read_rate_store(Section& section, RateLimit& out) {
  section.choice<OnStoreFailure>(
      "on_store_failure", out.on_store_failure,
      {{"local", OnStoreFailure::local}, {"allow", OnStoreFailure::allow}, {"deny", OnStoreFailure::deny}});
  std::optional<net::TlsClientConfig> none;
  const auto store = section.find("store");
  const bool is_local = !store || (store->node->kind == Node::Kind::scalar && store->node->text == "local");
  if (!is_local) {
    section.parsed("store", out.store.emplace(), "`local` or a server such as `redis://127.0.0.1:6379/0`",
                   parse_redis_url);
  }
  read_server_tls(section, is_local ? none : out.store->tls);
}

// Clients can fill the table up to its bound; a bound that the machine does not have is none.
void check_memory(Section& section, const RateLimit& limit) {
  const bool is_counted_here = !limit.store || limit.on_store_failure == OnStoreFailure::local;
  const bool is_one_client = std::all_of(limit.key.begin(), limit.key.end(),
                                         [](const auto& part) { return part.kind == RateKeyPart::Kind::global; });
  const uint64_t bytes = policy::SlidingWindow::memory_max(limit.limit.count, limit.limit.max_keys);
  if (!is_counted_here || is_one_client || bytes <= kMemoryMax) return;
  section.error("max_keys",
                fmt::format("{} clients with {} requests each can take {} MiB of memory; lower max_keys or the "
                            "count of rate, to at most {} MiB",
                            limit.limit.max_keys, limit.limit.count, bytes >> 20, kMemoryMax >> 20));
}

}  // namespace

void read_rate_limit(Section& section, RateLimit& out) {
  read_rate_key(section, out.key);
  const bool good_rate = read_rate(section, out.limit);
  read_rate_store(section, out);
  section.integer("ipv6_prefix", out.ipv6_prefix, 1, 128);
  section.duration("idle_ttl", out.limit.idle_ttl, 1s);
  const bool good_keys = section.integer("max_keys", out.limit.max_keys, 1, kKeysMax);
  const bool window = out.limit.algorithm == policy::RateAlgorithm::sliding_window;
  if (window && good_rate && good_keys) check_memory(section, out);
  section.choice<policy::Mode>("mode", out.limit.mode,
                               {{"enforce", policy::Mode::enforce}, {"shadow", policy::Mode::shadow}});
}

}  // namespace tidegate::config
