// Certificates of authorities, from a PEM file or as the system has them. Contexts that want the same, as they lie
// there, share one set: a bundle takes milliseconds to read and megabytes to keep. Thread-safe.
#pragma once

#include <openssl/x509.h>

#include <memory>
#include <string>

namespace tidegate::net {

using Authorities = std::shared_ptr<X509_STORE>;

// `path`: of the PEM file; "": those of the system, never null. Null: the file cannot be used, and OpenSSL's error
// queue says why.
Authorities read_authorities(const std::string& path);

}  // namespace tidegate::net
