#include "config/load/tls_files.h"

#include <algorithm>
#include <vector>

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

}  // namespace

void check_tls_files(const Config& config, const Location& root, Diagnostics& errors) {
  for (const auto& [name, upstream] : config.upstreams) {
    if (upstream.tls == net::TlsClientConfig()) continue;
    if (!is_complete(upstream.tls.cert_file, upstream.tls.key_file)) continue;  // reported before
    std::vector<net::TlsFileProblem> problems;
    net::TlsContext::for_servers(upstream.tls, net::TlsContext::Alpn::http, problems);
    report_problems(problems, root["upstreams"][name]["tls"], "ca_file", errors);
  }
  for (size_t i = 0; i < config.listeners.size(); ++i) {
    const auto& tls = config.listeners[i].tls;
    if (!tls || tls->cert_file.empty() || tls->key_file.empty()) continue;
    std::vector<net::TlsFileProblem> problems;
    net::TlsContext::for_clients(*tls, problems);
    report_problems(problems, root["listeners"][i]["tls"], "client_ca_file", errors);
  }
}

void warn_of_tls(const Config& config, const Location& root, Diagnostics& warnings) {
  for (const auto& [name, upstream] : config.upstreams) {
    const Location at = root["upstreams"][name]["tls"];
    const bool used = std::any_of(upstream.endpoints.begin(), upstream.endpoints.end(),
                                  [](const Endpoint& endpoint) { return endpoint.tls; });
    if (at.is_written() && !used) at.at_key().report(warnings, "has no effect: no endpoint is `https://`");
    warn_of_key(upstream.tls.key_file, at, warnings);
  }
  for (size_t i = 0; i < config.listeners.size(); ++i) {
    if (const auto& tls = config.listeners[i].tls) warn_of_key(tls->key_file, root["listeners"][i]["tls"], warnings);
  }
}

}  // namespace tidegate::config
