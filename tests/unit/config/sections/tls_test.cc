// The `tls` sections: their values, and what is wrong with them and with the files that they name.
#include <filesystem>

#include "support/certificates.h"
#include "unit/config/load_support.h"

using namespace tidegate;
using namespace tidegate::config;

namespace {

const test::CertificateFiles& files() { return test::Authority::server_of_program(); }
const std::string& ca_file() { return test::Authority::of_program().ca_file(); }

std::string identity() { return "cert_file: " + files().cert_file + ", key_file: " + files().key_file; }

}  // namespace

TEST_CASE("every key of an upstream's tls is read") {
  const auto loaded = load(with(In::upstream, "tls: {" + identity() + ", ca_file: " + ca_file() +
                                                  ", server_name: Up.Example, min_version: \"1.3\", handshake_timeout: "
                                                  "6s}"));
  REQUIRE(loaded.config);
  const net::TlsClientConfig& tls = loaded.config->upstreams.at("u").tls;
  CHECK(tls ==
        net::TlsClientConfig{ca_file(), files().cert_file, files().key_file, "up.example", net::TlsVersion::v1_3, 6s});
}

TEST_CASE("every key of a listener's tls is read") {
  const auto loaded =
      load(with(In::listener, "tls: {" + identity() + ", client_ca_file: " + ca_file() + ", min_version: 1.3}"));
  REQUIRE(loaded.config);
  REQUIRE(loaded.config->listeners[0].tls);
  CHECK(*loaded.config->listeners[0].tls ==
        net::TlsServerConfig{files().cert_file, files().key_file, ca_file(), net::TlsVersion::v1_3});
}

TEST_CASE("the tls of a queue, of its results and of a rate-limit store is that of their servers") {
  const std::string tls = "tls: {" + identity() + ", ca_file: " + ca_file() + ", server_name: one.example}";
  const auto loaded = load(
      "queues: {q: {url: 'amqps://h', " + tls +
      ", results: {url: 'rediss://r', tls: {server_name: two.example, min_version: 1.3, handshake_timeout: 6s}}}}\n" +
      with(In::route, "rate_limit: {store: 'rediss://s', tls: {ca_file: " + ca_file() + "}}"));
  REQUIRE_MESSAGE(loaded.config, lines_of(loaded.errors));
  const Queue& queue = loaded.config->queues.at("q");
  CHECK(std::get<AmqpUrl>(queue.url).tls ==
        net::TlsClientConfig{ca_file(), files().cert_file, files().key_file, "one.example"});
  CHECK(std::get<redis::Address>(*queue.results_url).tls ==
        net::TlsClientConfig{"", "", "", "two.example", net::TlsVersion::v1_3, 6s});
  CHECK(queue.tls().size() == 2);
  CHECK(loaded.config->listeners[0].routes[0].rate_limit->store->tls == net::TlsClientConfig{ca_file()});
}

TEST_CASE("the authorities of the file are those of every server that has none of its own") {
  const test::Authority other("Other Authority");
  const auto loaded =
      load("tls: {ca_file: " + ca_file() +
           "}\n"
           "queues: {q: {url: 'rediss://h'}, own: {url: 'amqps://h', spool: /s, tls: {ca_file: " +
           other.ca_file() + "}, results: {url: 'rediss://r'}}, plain: {url: 'redis://h', spool: /p}}\n" +
           with(In::route, "rate_limit: {store: 'rediss://s'}"));
  REQUIRE_MESSAGE(loaded.config, lines_of(loaded.errors));
  const auto& queues = loaded.config->queues;
  CHECK(loaded.config->tls.ca_file == ca_file());
  CHECK(loaded.config->upstreams.at("u").tls.ca_file == ca_file());
  CHECK(std::get<redis::Address>(queues.at("q").url).tls->ca_file == ca_file());
  CHECK(std::get<AmqpUrl>(queues.at("own").url).tls->ca_file == other.ca_file());
  CHECK(std::get<redis::Address>(*queues.at("own").results_url).tls->ca_file == ca_file());
  CHECK_FALSE(std::get<redis::Address>(queues.at("plain").url).tls);
  CHECK(loaded.config->listeners[0].routes[0].rate_limit->store->tls->ca_file == ca_file());
}

TEST_CASE("authorities that cannot be read are reported once, where they are named") {
  CHECK(errors_of("tls: {ca_file: /no/such/file}\nqueues: {q: {url: 'rediss://h'}}\n" +
                  with(In::upstream, "tls: {server_name: up.example}")) ==
        "t.yaml:1:16: tls.ca_file: cannot read /no/such/file: No such file or directory");
}

TEST_CASE("two routes with one rate-limit store have one tls") {
  const std::string limit = "rate_limit: {store: 'rediss://s', tls: {server_name: ";
  CHECK(errors_of("upstreams: {u: {endpoints: ['http://h']}}\nlisteners: [{name: l, address: 127.0.0.1:1, routes: [\n"
                  "  {name: a, match: {path: /a}, upstream: u, " +
                  limit + "a.example}}},\n  {name: b, match: {path: /b}, upstream: u, " + limit +
                  "b.example}}}]}]\n") ==
        "t.yaml:4:84: listeners[0].routes[1].rate_limit.tls: is not that of route `a`, which has the same store");
}

TEST_CASE("the handshake with a RabbitMQ has a bound, since the end of the process waits for it") {
  const std::string results = "', tls: {handshake_timeout: 11s}, results: {url: 'sqlite:///r'}}}\n";
  CHECK(errors_of("queues: {q: {url: 'amqps://h" + results + with(In::top, "")) ==
        "t.yaml:1:37: queues.q.tls: handshake_timeout must be at most 10s with amqps://: the end of the process waits "
        "for it");
  CHECK(errors_of("queues: {q: {url: 'rediss://h', tls: {handshake_timeout: 11s}}}\n" + with(In::top, "")).empty());
}

TEST_CASE("a tls section beside a URL without TLS is warned about") {
  const auto loaded = load("queues: {q: {url: 'redis://h', tls: {server_name: h.example}}}\n" +
                           with(In::route, "rate_limit: {store: local, tls: {min_version: 1.3}}"));
  REQUIRE_MESSAGE(loaded.config, lines_of(loaded.errors));
  const std::string warnings = lines_of(loaded.warnings);
  CHECK(warnings.find("queues.q.tls: has no effect: the URL is neither `rediss://` nor `amqps://`") !=
        std::string::npos);
  CHECK(warnings.find("rate_limit.tls: has no effect: the store is not `rediss://`") != std::string::npos);
}

TEST_CASE("an endpoint may be https://, and its port is 443 then") {
  const auto loaded = load(
      "upstreams: {u: {endpoints: ['https://h.example', 'https://[::1]:8443/', 'http://h.example']}}\n"
      "listeners: [{name: l, address: 127.0.0.1:1, routes: [{name: r, match: {path: /}, upstream: u}]}]\n");
  REQUIRE(loaded.config);
  const auto& endpoints = loaded.config->upstreams.at("u").endpoints;
  REQUIRE(endpoints.size() == 3);
  CHECK(endpoints[0].authority == "h.example:443");
  CHECK(endpoints[0].tls);
  CHECK(endpoints[1].authority == "[::1]:8443");
  CHECK(endpoints[1].tls);
  CHECK(endpoints[2].authority == "h.example:80");
  CHECK_FALSE(endpoints[2].tls);
}

TEST_CASE("mistakes of tls sections") {
  const std::string missing = "cannot read /no/such/file: No such file or directory";
  check_all({
      {In::upstream, "tls: {handshake_timeout: 6s}", ""},
      {In::upstream, "tls: {ca_file: , cert_file: , key_file: , server_name: , min_version: }", ""},
      {In::upstream, "tls: {handshake_timeout: 6}",
       "t.yaml:4:30: upstreams.u.tls.handshake_timeout: `6` has no unit; write `6s`"},
      {In::upstream, "tls: {ca_file: ca.crt}",
       "t.yaml:4:20: upstreams.u.tls.ca_file: `ca.crt` is not an absolute file path"},
      {In::upstream, "tls: {ca_file: /no/such/file}", "t.yaml:4:20: upstreams.u.tls.ca_file: " + missing},
      {In::upstream, "tls: {cert_file: /c}", "t.yaml:4:22: upstreams.u.tls.cert_file: needs its key_file"},
      {In::upstream, "tls: {key_file: /k}", "t.yaml:4:21: upstreams.u.tls.key_file: needs its cert_file"},
      {In::upstream, "tls: {server_name: 'https://x'}",
       "t.yaml:4:24: upstreams.u.tls.server_name: `https://x` is not a name or address such as `api.example.org`"},
      {In::upstream, "tls: {min_version: '1.1'}",
       "t.yaml:4:24: upstreams.u.tls.min_version: unknown value `1.1`; did you mean `1.2`?"},
      {In::queue, "tls: {cert_file: /c}", "t.yaml:4:22: queues.q.tls.cert_file: needs its key_file"},
      {In::queue, "tls: {ca: /c}",
       "t.yaml:4:11: queues.q.tls.ca: unknown key; one of: ca_file, cert_file, key_file, server_name, "
       "min_version, handshake_timeout"},
      {In::route, "rate_limit: {store: 'rediss://h', tls: {ca_file: /no/such/file}}",
       "t.yaml:11:58: listeners[0].routes[0].rate_limit.tls.ca_file: " + missing},
      {In::top, "tls: {cert_file: /c}", "t.yaml:1:7: tls.cert_file: unknown key; did you mean `ca_file`?"},
      {In::listener, "tls: {}",
       "t.yaml:7:10: listeners[0].tls.cert_file: required key is missing\nt.yaml:7:10: listeners[0].tls.key_file: "
       "required key is missing"},
      {In::listener, "tls: {" + identity() + ", client_ca_file: /no/such/file}",
       "t.yaml:7:" + std::to_string(10 + identity().size() + 19) + ": listeners[0].tls.client_ca_file: " + missing},
  });
}

TEST_CASE("a key that is not the certificate's is a mistake of the key") {
  const test::CertificateFiles other = test::Authority::of_program().issue("config_other", {});
  CHECK(errors_of(with(In::listener, "tls:\n  cert_file: " + files().cert_file + "\n  key_file: " + other.key_file)) ==
        "t.yaml:9:17: listeners[0].tls.key_file: " + other.key_file + " is not the key of the certificate in " +
            files().cert_file);
}

TEST_CASE("a key that every user may read, and a tls section without https://, are warned about") {
  const test::CertificateFiles loose = test::Authority::of_program().issue("loose", {});
  std::filesystem::permissions(loose.key_file, std::filesystem::perms(0644));
  const auto loaded =
      load(with(In::upstream, "tls:\n  cert_file: " + loose.cert_file + "\n  key_file: " + loose.key_file));
  REQUIRE(loaded.config);
  const std::string warnings = lines_of(loaded.warnings);
  CHECK(warnings.find("t.yaml:4:5: warning: upstreams.u.tls: has no effect: no endpoint is `https://`") !=
        std::string::npos);
  CHECK(warnings.find(
            "t.yaml:6:17: warning: upstreams.u.tls.key_file: every user of this machine may use the key: its mode is "
            "0644") != std::string::npos);
}
