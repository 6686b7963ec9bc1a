// What the `tls` sections have in common. Whether the files can be used is found where all is read: load/tls_files.h.
#include "config/sections/sections.h"
#include "config/values/text.h"
#include "config/values/urls.h"

namespace tidegate::config {

void read_tls_version(Section& section, net::TlsVersion& out) {
  section.choice<net::TlsVersion>("min_version", out, {{"1.2", net::TlsVersion::v1_2}, {"1.3", net::TlsVersion::v1_3}});
}

void read_tls_file(Section& section, std::string_view key, std::string& out) {
  section.parsed(key, out, "an absolute path such as `/etc/tidegate/tls.crt`", parse_file_path);
}

void read_tls_identity(Section& section, std::string& cert_file, std::string& key_file) {
  read_tls_file(section, "cert_file", cert_file);
  read_tls_file(section, "key_file", key_file);
  const bool has_cert = section.find("cert_file").has_value();
  const bool has_key = section.find("key_file").has_value();
  if (has_cert && !has_key) section.error("cert_file", "needs its key_file");
  if (has_key && !has_cert) section.error("key_file", "needs its cert_file");
}

void read_tls_client(Section& section, net::TlsClientConfig& out) {
  read_tls_file(section, "ca_file", out.ca_file);
  read_tls_identity(section, out.cert_file, out.key_file);
  section.parsed("server_name", out.server_name, "a name such as `api.example.org`", parse_tls_name);
  read_tls_version(section, out.min_version);
  section.duration("handshake_timeout", out.handshake_timeout);
}

void read_server_tls(Section& section, std::optional<net::TlsClientConfig>& out) {
  section.child("tls", [&](Section& child) {
    net::TlsClientConfig read;
    read_tls_client(child, read);
    if (out) out = read;
  });
}

}  // namespace tidegate::config
