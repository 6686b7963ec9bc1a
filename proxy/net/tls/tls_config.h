// What of TLS is configured. The files are PEM; an empty name means none. Units and defaults are here once.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"

namespace tidegate::net {

enum class TlsVersion : uint8_t { v1_2, v1_3 };

// Towards a server, which is verified always.
struct TlsClientConfig {
  std::string ca_file = {};    // who may sign the server's certificate; "" = whom the system trusts
  std::string cert_file = {};  // our certificate and its chain, with key_file; for servers that ask for one
  std::string key_file = {};
  std::string server_name = {};  // sent as SNI and looked for in the certificate; "" = the host that is connected to
  TlsVersion min_version = TlsVersion::v1_2;
  Duration handshake_timeout = 5s;
  friend bool operator==(const TlsClientConfig&, const TlsClientConfig&) = default;
};

// Towards clients.
struct TlsServerConfig {
  std::string cert_file = {};  // the certificate and its chain
  std::string key_file = {};
  std::string client_ca_file =
      {};  // who may sign clients' certificates, which are then required; "" = none is asked for
  TlsVersion min_version = TlsVersion::v1_2;
  friend bool operator==(const TlsServerConfig&, const TlsServerConfig&) = default;
};

}  // namespace tidegate::net
