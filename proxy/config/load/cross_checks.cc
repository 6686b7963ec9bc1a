#include "config/load/cross_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>

#include "config/load/location.h"
#include "config/load/route_cover.h"
#include "config/load/route_use.h"
#include "config/load/tls_files.h"
#include "config/store_limits.h"
#include "config/yaml/scalars.h"

namespace tidegate::config {

namespace {

template <typename Map>
std::string unknown_name(std::string_view what, const std::string& name, const Map& existing) {
  std::vector<std::string_view> names;
  for (const auto& [each, value] : existing) names.push_back(each);
  return fmt::format("unknown {} {}{}", what, shown(name), suggestion(name, names));
}

// Reports values that occur twice. An empty value is invalid and was reported before.
class Unique {
 public:
  explicit Unique(std::string_view what) : what_(what) {}
  void check(const std::string& value, const Location& location, Diagnostics& errors) {
    if (value.empty()) return;
    const auto [first, is_new] = seen_.emplace(value, location.path());
    if (!is_new) location.report(errors, fmt::format("duplicate {} {}; first used by {}", what_, value, first->second));
  }

 private:
  std::string_view what_;
  std::map<std::string, std::string> seen_;
};

std::string bound_address(const SocketAddress& address) {
  return address.port == 0 ? "" : address.to_string();  // port 0: the kernel gives each its own
}

void check_addresses(const Config& config, const Location& root, Diagnostics& errors) {
  Unique addresses("address");
  addresses.check(bound_address(config.admin.address), root["admin"]["address"], errors);
  for (size_t i = 0; i < config.listeners.size(); ++i) {
    addresses.check(bound_address(config.listeners[i].address), root["listeners"][i]["address"], errors);
  }
}

void check_queues(const Config& config, const Location& root, Diagnostics& errors) {
  Unique files("file");
  for (const auto& [name, queue] : config.queues) {
    const Location location = root["queues"][name];
    if (const auto* sqlite = std::get_if<SqliteUrl>(&queue.url)) {
      files.check(sqlite->path, location["url"], errors);
      continue;
    }
    files.check(queue.spool_path, location["spool"], errors);
    if (!queue.results_url) continue;
    if (const auto* results = std::get_if<SqliteUrl>(&*queue.results_url)) {
      files.check(results->path, location["results"]["url"], errors);
    }
  }
}

void check_enqueue(const Config& config, const FallbackEnqueue& enqueue, const Location& location,
                   Diagnostics& errors) {
  if (enqueue.queue.empty()) return;
  const auto queue = config.queues.find(enqueue.queue);
  if (queue == config.queues.end()) {
    location["queue"].report(errors, unknown_name("queue", enqueue.queue, config.queues));
  } else if (enqueue.max_body > queue->second.max_bytes) {
    location["max_body"].report(errors, fmt::format("{} is larger than max_bytes of the queue ({})",
                                                    show_size(enqueue.max_body), show_size(queue->second.max_bytes)));
  } else if (!enqueue.by_reference && enqueue.max_body > stored_body_max(queue->second)) {
    location["max_body"].report(
        errors, fmt::format("{} is larger than the largest body that queues.{}.url can store ({})",
                            show_size(enqueue.max_body), enqueue.queue, show_size(stored_body_max(queue->second))));
  }
}

// Metrics and commands identify a route's own breaker or bulkhead by the route's name, an upstream's by the upstream's.
void check_own_policies(const Config& config, const Route& route, const Location& location, Diagnostics& errors) {
  const auto upstream = config.upstreams.find(route.name);
  if (upstream == config.upstreams.end()) return;
  const auto clash = [&](const char* key) {
    location["name"].report(
        errors, fmt::format("the route's own {0} would have the name of the {0} of upstream {1}; rename the route", key,
                            route.name));
  };
  if (route.breaker && upstream->second.breaker) clash("breaker");
  if (route.bulkhead && upstream->second.bulkhead) clash("bulkhead");
}

void check_buffering(const Config& config, const Buffering& buffering, const Location& location, Diagnostics& errors) {
  for (const auto& [key, size] : {std::pair{"request", buffering.request}, std::pair{"response", buffering.response}}) {
    if (size <= config.limits.buffered) continue;
    location[key].report(errors, fmt::format("{} is larger than limits.buffered ({})", show_size(size),
                                             show_size(config.limits.buffered)));
  }
}

void check_route(const Config& config, const Route& route, const Location& location, Diagnostics& errors) {
  if (!route.upstream.empty() && !config.upstreams.contains(route.upstream)) {
    location["upstream"].report(errors, unknown_name("upstream", route.upstream, config.upstreams));
  }
  check_own_policies(config, route, location, errors);
  check_buffering(config, route.buffering, location["buffering"], errors);
  if (!route.fallback) return;
  if (const auto* enqueue = std::get_if<FallbackEnqueue>(&route.fallback->action)) {
    check_enqueue(config, *enqueue, location["fallback"]["enqueue"], errors);
  }
}

// `rest`: stands for what follows a path that is the beginning of others, since that may end inside a segment.
// `wildcard`: how the file says so.
void check_path(const http::PathRules& rules, const std::string& path, std::string_view rest, std::string_view wildcard,
                const Location& location, Diagnostics& errors) {
  using http::PathNormalization;
  if (path.empty()) return;  // reported before
  const auto written = [&](std::string_view text) { return shown(fmt::format("{}{}", text, wildcard)); };
  const std::string matched = fmt::format("{}{}", path, rest);
  if (rules.encoded_slashes == http::EncodedSlashes::reject && http::has_encoded_slash(matched)) {
    return location.report(errors, written(path) + " matches no request: encoded_slashes is `reject`");
  }
  if (rules.normalization == PathNormalization::off || http::is_normal_path(matched)) return;
  const char* const rule = rules.normalization == PathNormalization::reject ? "reject" : "normalize";
  std::string normal = http::normal_path(matched);
  normal.resize(normal.size() - rest.size());
  location.report(errors, fmt::format("{} matches no request: path_normalization is `{}`; did you mean {}?",
                                      written(path), rule, written(normal)));
}

void check_paths(const Listener& listener, const Location& location, Diagnostics& errors) {
  if (has_jobs(listener)) check_path(listener.paths, listener.jobs_path, "x", "", location["jobs_path"], errors);
  for (size_t i = 0; i < listener.routes.size(); ++i) {
    const Match& match = listener.routes[i].match;
    check_path(listener.paths, match.path, match.prefix ? "x" : "", match.prefix ? "*" : "",
               location["routes"][i]["match"]["path"], errors);
  }
}

// Finds the first route that takes all requests of a later one: its path, or a prefix, is the beginning of that path.
class EarlierRoutes {
 public:
  explicit EarlierRoutes(const std::vector<Route>& routes) : routes_(routes) {}

  void add(size_t index) {
    const std::string& path = routes_[index].match.path;
    by_path_[path].push_back(index);
    sizes_.insert(path.size());
  }
  std::optional<size_t> first_that_covers(const Match& match) const {
    std::optional<size_t> first;
    const std::string_view path = match.path;
    for (const size_t size : sizes_) {
      if (size > path.size()) break;
      const auto found = by_path_.find(path.substr(0, size));
      if (found == by_path_.end()) continue;
      for (const size_t index : found->second) {
        if (index < first.value_or(routes_.size()) && covers(routes_[index].match, match)) first = index;
      }
    }
    return first;
  }

 private:
  const std::vector<Route>& routes_;
  std::unordered_map<std::string_view, std::vector<size_t>> by_path_;
  std::set<size_t> sizes_;  // of those paths
};

void check_reach(const Listener& listener, const Location& location, Diagnostics& errors) {
  EarlierRoutes earlier(listener.routes);
  const bool jobs_are_served = has_jobs(listener);
  for (size_t later = 0; later < listener.routes.size(); ++later) {
    const Match& match = listener.routes[later].match;
    const Location path = location["routes"][later]["match"]["path"];
    if (jobs_are_served && match.path.starts_with(listener.jobs_path)) {
      path.report(errors,
                  "unreachable: requests under jobs_path (" + listener.jobs_path + ") are for the jobs interface");
    }
    if (const auto first = earlier.first_that_covers(match)) {
      path.report(errors, fmt::format("unreachable: shadowed by route {} (routes[{}])",
                                      shown(listener.routes[*first].name), *first));
    }
    earlier.add(later);
  }
}

// How a store is reached is one matter for all routes.
void check_rate_stores(const Config& config, const Location& root, Diagnostics& errors) {
  std::map<std::string, const Route*> first;
  for (size_t i = 0; i < config.listeners.size(); ++i) {
    const std::vector<Route>& routes = config.listeners[i].routes;
    for (size_t j = 0; j < routes.size(); ++j) {
      if (!routes[j].rate_limit || !routes[j].rate_limit->store) continue;
      const redis::Address& store = *routes[j].rate_limit->store;
      const auto [known, is_new] = first.try_emplace(store.shown(), &routes[j]);
      if (is_new || known->second->rate_limit->store->tls == store.tls) continue;
      root["listeners"][i]["routes"][j]["rate_limit"]["tls"].report(
          errors, fmt::format("is not that of route {}, which has the same store", shown(known->second->name)));
    }
  }
}

}  // namespace

void check_config(const Config& config, const Node& root_node, Diagnostics& errors) {
  const Location root(root_node);
  check_addresses(config, root, errors);
  check_queues(config, root, errors);
  check_tls_files(config, root, errors);
  check_rate_stores(config, root, errors);
  Unique listener_names("listener name"), route_names("route name");
  for (size_t i = 0; i < config.listeners.size(); ++i) {
    const Listener& listener = config.listeners[i];
    const Location location = root["listeners"][i];
    listener_names.check(listener.name, location["name"], errors);
    for (size_t j = 0; j < listener.routes.size(); ++j) {
      route_names.check(listener.routes[j].name, location["routes"][j]["name"], errors);
      check_route(config, listener.routes[j], location["routes"][j], errors);
    }
    check_paths(listener, location, errors);
    check_reach(listener, location, errors);
  }
}

}  // namespace tidegate::config
