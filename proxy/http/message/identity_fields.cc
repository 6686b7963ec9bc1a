#include "http/message/identity_fields.h"

#include <algorithm>

namespace tidegate::http {

namespace {

// The prefixes of what X-Forwarded stands for with all its endings, and of what a CDN adds.
constexpr std::string_view kPrefixes[] = {"x-forwarded", "x-original-forwarded", "cf-connecting-ip"};

constexpr std::string_view kNames[] = {
    "forwarded",
    "forwarded-for",
    "x-real-ip",
    "real-ip",
    "client-ip",
    "x-client-ip",
    "true-client-ip",
    "x-cluster-client-ip",
    "x-remote-ip",
    "x-remote-addr",
    "remote-addr",
    "x-originating-ip",
    "x-proxyuser-ip",
    "proxy-client-ip",
    "wl-proxy-client-ip",
    "http-client-ip",
    "cf-pseudo-ipv4",
    "fastly-client-ip",
    "fly-client-ip",
    "do-connecting-ip",
    "x-azure-clientip",
    "x-azure-socketip",
    "x-appengine-user-ip",
    "x-envoy-external-address",
    "x-original-host",
    "x-original-for",
    "x-host",
    "x-http-host-override",
};

char unified(char c) {
  if (c == '_') return '-';
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

bool is_same_variable(std::string_view name, std::string_view other) {
  return std::equal(name.begin(), name.end(), other.begin(), other.end(),
                    [](char a, char b) { return unified(a) == unified(b); });
}

bool is_identity_field(std::string_view name) {
  return std::any_of(std::begin(kNames), std::end(kNames),
                     [&](std::string_view one) { return is_same_variable(name, one); }) ||
         std::any_of(std::begin(kPrefixes), std::end(kPrefixes),
                     [&](std::string_view prefix) { return is_same_variable(name.substr(0, prefix.size()), prefix); });
}

}  // namespace tidegate::http
