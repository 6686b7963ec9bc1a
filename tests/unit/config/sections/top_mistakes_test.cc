// Mistakes at the top level, and the exact error of each.
#include <doctest/doctest.h>

#include "unit/config/load_support.h"

using namespace tidegate;
using namespace tidegate::config;

TEST_CASE("mistakes at the top level") {
  check_all({
      {In::top, "worker: 2", "t.yaml:1:1: worker: unknown key; did you mean `workers`?"},
      {In::top, "zzz: 2",
       "t.yaml:1:1: zzz: unknown key; one of: workers, shutdown_grace, limits, log, admin, tls, takeover, upstreams, "
       "queues, listeners"},
      {In::top, "takeover: {}", "t.yaml:1:11: takeover.socket: required key is missing"},
      {In::top, "takeover: {socket: run/x}", "t.yaml:1:20: takeover.socket: `run/x` is not an absolute file path"},
      {In::top, "takeover: {socket: /" + std::string(103, 'x') + "}",
       "t.yaml:1:20: takeover.socket: the path of a socket has at most 103 bytes"},
      {In::top, "takeover: /run/x",
       "t.yaml:1:11: takeover: expected a section: write `{socket: /run/tidegate/takeover.sock}`"},
      {In::top, "takeover: {socket: /dev/null}", "t.yaml:1:20: takeover.socket: a file is there that is no socket"},
      {In::top, "workers: many", "t.yaml:1:10: workers: `many` is not a whole number"},
      {In::top, "workers: 010", "t.yaml:1:10: workers: `010` has a leading zero; write `10`"},
      {In::top, "workers: \"2\"",
       "t.yaml:1:10: workers: expected a whole number, not text in quotes; remove the quotes"},
      {In::top, "workers: 1.5", "t.yaml:1:10: workers: `1.5` is not a whole number"},
      {In::top, "workers: -1", "t.yaml:1:10: workers: must be 1 to 1024, not -1"},
      {In::top, "workers: [1]", "t.yaml:1:10: workers: expected a whole number, not a list"},
      {In::top, "workers: {a: 1}", "t.yaml:1:10: workers: expected a whole number, not a section"},
      {In::top, "shutdown_grace: 30", "t.yaml:1:17: shutdown_grace: `30` has no unit; write `30s`"},
      {In::top, "limits: {buffered: 1KiB}", "t.yaml:1:20: limits.buffered: must be 1MiB to 1024TiB, not 1KiB"},
      {In::top, "log: debug", "t.yaml:1:6: log: expected a section, not a value"},
      {In::top, "log: {level: inf}", "t.yaml:1:14: log.level: unknown value `inf`; did you mean `info`?"},
      {In::top, "log: {format: xml}", "t.yaml:1:15: log.format: unknown value `xml`; one of: auto, json, text"},
      {In::top, "log: {access: [all]}", "t.yaml:1:15: log.access: expected one of `all`, `errors`, `off`, not a list"},
      {In::top, "admin: {read_only: yes}", "t.yaml:1:20: admin.read_only: expected true or false, not `yes`"},
      {In::top, "admin: {read_only: True}", "t.yaml:1:20: admin.read_only: expected true or false, not `True`"},
      {In::top, "admin: {read_only: 1}", "t.yaml:1:20: admin.read_only: expected true or false, not `1`"},
      {In::top, "admin: {read_only: 'true'}",
       "t.yaml:1:20: admin.read_only: expected true or false, not text in quotes; remove the quotes"},
      {In::top, "admin: {token: [a]}", "t.yaml:1:16: admin.token: expected text, not a list"},
      {In::top, "admin: {address: 9901}",
       "t.yaml:1:18: admin.address: `9901` is not an IP address and port such as `127.0.0.1:8081` or `[::1]:8081`"},
      {In::top, "admin: {address: localhost:9901}",
       "t.yaml:1:18: admin.address: `localhost:9901` is not an IP address and port such as `127.0.0.1:8081` or "
       "`[::1]:8081`"},
      {In::top, "admin:\n  address: 0.0.0.0:9901",
       "t.yaml:2:12: admin.address: a non-loopback address requires admin.token"},
      {In::top, "queues: []", "t.yaml:1:9: queues: expected a section, not a list"},
      {In::top, "queues: {a b: {url: sqlite:///q}}",
       "t.yaml:1:10: queues.\"a b\": `a b` is not a valid name: use 1 to 64 of the characters A-Z a-z 0-9 _ - ."},
  });
}
