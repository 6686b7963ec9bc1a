// listeners[N], without its routes.
#include "config/sections/sections.h"
#include "config/values/text.h"

namespace tidegate::config {

namespace {

void read_listener_tls(Section& section, net::TlsServerConfig& out) {
  section.require("cert_file");
  section.require("key_file");
  read_tls_identity(section, out.cert_file, out.key_file);
  read_tls_file(section, "client_ca_file", out.client_ca_file);
  read_tls_version(section, out.min_version);
}

void read_limits(Section& section, ListenerLimits& out) {
  section.size("header_bytes", out.header_bytes, 256, 1 << 20);
  section.integer("headers", out.headers, 1, 10'000);
  section.size("body", out.body, 0, 1ull << 40);
  section.integer("connections", out.connections, 1, 10'000'000);
  section.duration("header_timeout", out.header_timeout);
  section.duration("body_timeout", out.body_timeout);
  section.duration("write_timeout", out.write_timeout);
  section.duration("idle_timeout", out.idle_timeout);
  section.parsed("min_rate", out.min_rate, "a rate such as `1KiB/s`", parse_byte_rate);
  section.duration("min_rate_grace", out.min_rate_grace);
}

}  // namespace

void read_listener(Section& section, Listener& out) {
  if (section.require("name")) section.parsed("name", out.name, "a name", parse_name);
  if (section.require("address")) {
    section.parsed("address", out.address, "an IP address and port such as `127.0.0.1:8081`", parse_socket_address);
  }
  section.child("tls", [&](Section& child) { read_listener_tls(child, out.tls.emplace()); });
  section.parsed_list("trusted_proxies", out.trusted_proxies, "an IP address or prefix such as `10.0.0.0/8`",
                      parse_cidr);
  section.parsed("jobs_path", out.jobs_path, "a path such as `/_jobs/`", parse_jobs_path);
  using http::EncodedSlashes;
  using http::PathNormalization;
  section.choice<PathNormalization>("path_normalization", out.paths.normalization,
                                    {{"normalize", PathNormalization::normalize},
                                     {"reject", PathNormalization::reject},
                                     {"off", PathNormalization::off}});
  section.choice<EncodedSlashes>("encoded_slashes", out.paths.encoded_slashes,
                                 {{"keep", EncodedSlashes::keep}, {"reject", EncodedSlashes::reject}});
  section.child("limits", [&](Section& child) { read_limits(child, out.limits); });
  section.duration("lame_duck", out.lame_duck, 0ms);
  if (!section.require("routes")) return;
  if (section.is_empty_list("routes")) section.error("routes", "at least one route is required");
  section.each_item("routes", [&](size_t, Section& route) { read_route(route, out.routes.emplace_back()); });
}

}  // namespace tidegate::config
