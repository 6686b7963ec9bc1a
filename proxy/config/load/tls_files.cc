#include "config/load/tls_files.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <vector>

#include "config/url_tls.h"
#include "net/tls/tls_context.h"

namespace tidegate::config {

namespace {

bool is_complete(const std::string& cert_file, const std::string& key_file) {
  return cert_file.empty() == key_file.empty();
}

void report_problems(const std::vector<net::TlsFileProblem>& problems, const Location& at, std::string_view ca_key,
                     Diagnostics& errors) {
  for (const net::TlsFileProblem& problem : problems) {
    switch (problem.file) {
      case net::TlsFile::ca: at[ca_key].report(errors, problem.what); break;
      case net::TlsFile::cert: at["cert_file"].report(errors, problem.what); break;
      case net::TlsFile::key: at["key_file"].report(errors, problem.what); break;
    }
  }
}

void warn_of_key(const std::string& key_file, const Location& at, Diagnostics& warnings) {
  const std::string concern = key_file.empty() ? "" : net::key_file_concern(key_file);
  if (!concern.empty()) at["key_file"].report(warnings, concern);
}

// How TLS is spoken to a server.
struct ServerTls {
  const net::TlsClientConfig* config;  // null: it is not
  Location at;                         // its section
  std::string_view unused;             // why the section has no effect; "": it has
};
using EachServer = std::function<void(const ServerTls&)>;

void for_each_server(const Config& config, const Location& root, const EachServer& each) {
  const auto report = [&](const std::optional<net::TlsClientConfig>* tls, const Location& at,
                          std::string_view without) {
    if (tls && *tls) each({&**tls, at, ""});
    else each({nullptr, at, without});
  };
  for (const auto& [name, upstream] : config.upstreams) {
    const bool used = std::any_of(upstream.endpoints.begin(), upstream.endpoints.end(),
                                  [](const Endpoint& endpoint) { return endpoint.tls; });
    each({&upstream.tls, root["upstreams"][name]["tls"], used ? "" : "no endpoint is `https://`"});
  }
  for (const auto& [name, queue] : config.queues) {
    const Location at = root["queues"][name], results = at["results"]["tls"];
    report(tls_of(queue.url), at["tls"], "the URL is neither `rediss://` nor `amqps://`");
    report(tls_of(queue.results_url), results, "the URL is not `rediss://`");
  }
  for (size_t i = 0; i < config.listeners.size(); ++i) {
    for (size_t j = 0; j < config.listeners[i].routes.size(); ++j) {
      const auto& limit = config.listeners[i].routes[j].rate_limit;
      report(limit && limit->store ? &limit->store->tls : nullptr,
             root["listeners"][i]["routes"][j]["rate_limit"]["tls"], "the store is not `rediss://`");
    }
  }
}

using Problems = std::vector<net::TlsFileProblem>;

// Many servers may have the same files, which are read once.
class CheckedFiles {
 public:
  const Problems& problems_of(const net::TlsClientConfig& tls) {
    const auto [found, is_new] = known_.try_emplace({tls.ca_file, tls.cert_file, tls.key_file});
    if (is_new) net::TlsContext::for_servers(tls, net::TlsContext::Alpn::none, found->second);
    return found->second;
  }

 private:
  std::map<std::array<std::string, 3>, Problems> known_;
};

// One that is inherited is reported once, where it is.
void check_client(const net::TlsClientConfig& tls, CheckedFiles& files, const std::string& inherited_ca,
                  const Location& at, Diagnostics& errors) {
  if (tls == net::TlsClientConfig() || !is_complete(tls.cert_file, tls.key_file)) return;  // the latter was reported
  Problems problems = files.problems_of(tls);
  const bool is_inherited = !inherited_ca.empty() && tls.ca_file == inherited_ca;
  if (is_inherited) std::erase_if(problems, [](const auto& problem) { return problem.file == net::TlsFile::ca; });
  report_problems(problems, at, "ca_file", errors);
}

}  // namespace

void check_tls_files(const Config& config, const Location& root, Diagnostics& errors) {
  CheckedFiles files;
  check_client({.ca_file = config.tls.ca_file}, files, "", root["tls"], errors);
  for_each_server(config, root, [&](const ServerTls& server) {
    const bool matters = server.unused.empty() || server.at.is_written();
    if (server.config && matters) check_client(*server.config, files, config.tls.ca_file, server.at, errors);
  });
  for (size_t i = 0; i < config.listeners.size(); ++i) {
    const auto& tls = config.listeners[i].tls;
    if (!tls || tls->cert_file.empty() || tls->key_file.empty()) continue;
    std::vector<net::TlsFileProblem> problems;
    net::TlsContext::for_clients(*tls, problems);
    report_problems(problems, root["listeners"][i]["tls"], "client_ca_file", errors);
  }
}

void warn_of_tls(const Config& config, const Location& root, Diagnostics& warnings) {
  for_each_server(config, root, [&](const ServerTls& server) {
    if (server.at.is_written() && !server.unused.empty()) {
      server.at.at_key().report(warnings, "has no effect: " + std::string(server.unused));
    }
    if (server.config) warn_of_key(server.config->key_file, server.at, warnings);
  });
  for (size_t i = 0; i < config.listeners.size(); ++i) {
    if (const auto& tls = config.listeners[i].tls) warn_of_key(tls->key_file, root["listeners"][i]["tls"], warnings);
  }
}

}  // namespace tidegate::config
