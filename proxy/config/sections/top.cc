// The top level of the file: workers, limits, log, admin, tls, and the sections upstreams, queues and listeners.
#include "config/sections/sections.h"
#include "config/url_tls.h"
#include "config/values/text.h"
#include "config/values/urls.h"

namespace tidegate::config {

namespace {

constexpr int kWorkersMax = 1024;

void read_workers(Section& root, int& out) {
  if (root.is_word("workers", "auto")) {
    out = 0;
  } else {
    root.integer("workers", out, 1, kWorkersMax);
  }
}

void read_log(Section& section, Log& out) {
  section.choice<LogLevel>("level", out.level,
                           {{"debug", LogLevel::debug},
                            {"info", LogLevel::info},
                            {"warn", LogLevel::warn},
                            {"error", LogLevel::error},
                            {"off", LogLevel::off}});
  section.choice<std::optional<LogFormat>>(
      "format", out.format, {{"auto", std::nullopt}, {"json", LogFormat::json}, {"text", LogFormat::text}});
  section.choice<AccessLog>("access", out.access,
                            {{"all", AccessLog::all}, {"errors", AccessLog::errors}, {"off", AccessLog::off}});
  using http::ShownQuery;
  section.choice<ShownQuery>("query", out.query,
                             {{"full", ShownQuery::full}, {"names", ShownQuery::names}, {"off", ShownQuery::off}});
}

void read_admin(Section& section, Admin& out) {
  const bool good_address =
      section.parsed("address", out.address, "an IP address and port such as `127.0.0.1:9901`", parse_socket_address);
  const bool good_token = section.text("token", out.token);
  section.boolean("read_only", out.read_only);
  section.parsed_list("hosts", out.hosts, "a host name without port such as `tidegate.internal`", parse_host);
  section.refuse_duplicates("hosts", out.hosts);
  if (good_address && good_token && out.token.empty() && !out.address.ip.is_loopback()) {
    section.error("address", "a non-loopback address requires admin.token");
  }
}

// Where the next process connects to this one. Its name is made under another one first, which is longer.
void read_takeover(Section& section, Config& out) {
  constexpr size_t kBytesMax = 103;  // of a Unix socket's path, 107, without ".new"
  if (!section.require("socket")) return;
  if (!section.parsed("socket", out.takeover_socket, "an absolute file path", parse_file_path)) return;
  if (out.takeover_socket.size() > kBytesMax) section.error("socket", "the path of a socket has at most 103 bytes");
}

void inherit(const Tls& from, net::TlsClientConfig& to) {
  if (to.ca_file.empty()) to.ca_file = from.ca_file;
}
void inherit(const Tls& from, std::optional<net::TlsClientConfig>* to) {
  if (to && *to) inherit(from, **to);
}

// The authorities of what has none of its own.
void inherit_authorities(Config& config) {
  for (auto& [name, upstream] : config.upstreams) inherit(config.tls, upstream.tls);
  for (auto& [name, queue] : config.queues) {
    inherit(config.tls, tls_of(queue.url));
    inherit(config.tls, tls_of(queue.results_url));
  }
  for (Listener& listener : config.listeners) {
    for (Route& route : listener.routes) {
      if (route.rate_limit && route.rate_limit->store) inherit(config.tls, &route.rate_limit->store->tls);
    }
  }
}

void read_sections(Section& root, Config& out) {
  read_workers(root, out.workers);
  root.duration("shutdown_grace", out.shutdown_grace, 0ms);
  root.child("limits", [&](Section& section) { section.size("buffered", out.limits.buffered, 1 << 20, 1ull << 50); });
  root.child("log", [&](Section& section) { read_log(section, out.log); });
  root.child("admin", [&](Section& section) { read_admin(section, out.admin); });
  root.child("tls", [&](Section& section) { read_tls_file(section, "ca_file", out.tls.ca_file); });
  const auto takeover = root.find("takeover");
  if (takeover && takeover->node->kind == Node::Kind::scalar) {
    root.error("takeover", "expected a section: write `{socket: /run/tidegate/takeover.sock}`");
  } else {
    root.child("takeover", [&](Section& section) { read_takeover(section, out); });
  }
  root.require("upstreams");
  root.each_named("upstreams", [&](const std::string& name, Section& section) {
    Upstream& upstream = out.upstreams[name];
    upstream.name = name;
    read_upstream(section, upstream);
  });
  root.each_named("queues", [&](const std::string& name, Section& section) {
    Queue& queue = out.queues[name];
    queue.name = name;
    read_queue(section, queue);
  });
  if (!root.require("listeners")) return;
  if (root.is_empty_list("listeners")) root.error("listeners", "at least one listener is required");
  root.each_item("listeners", [&](size_t, Section& section) { read_listener(section, out.listeners.emplace_back()); });
}

}  // namespace

void read_config(Section& root, Config& out) {
  read_sections(root, out);
  inherit_authorities(out);
}

}  // namespace tidegate::config
