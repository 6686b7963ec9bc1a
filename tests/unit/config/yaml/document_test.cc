// YAML that Tidegate refuses or reads differently from YAML parsers.
#include <doctest/doctest.h>

#include "config/yaml/document.h"
#include "config/yaml/prepare.h"
#include "unit/config/load_support.h"

using namespace tidegate;
using namespace tidegate::config;

TEST_CASE("a file that is not one YAML section is an error with its location") {
  struct Row {
    std::string yaml;
    std::string errors;
  };
  for (const Row& row : std::vector<Row>{
           {"", "t.yaml:1:1: the file is empty"},
           {"# only a comment\n", "t.yaml:1:1: the file is empty"},
           {"---\n", "t.yaml:1:1: the file is empty"},
           {"~", "t.yaml:1:1: the file is empty"},
           {"hello\n", "t.yaml:1:1: expected a section at the top level, not a value"},
           {"- a\n", "t.yaml:1:1: expected a section at the top level, not a list"},
           {"a: 1\n---\nb: 2\n", "t.yaml:3:1: the file must be one YAML document; a second one begins here"},
           {"{a: 1}\nfoo\n", "t.yaml:2:1: the file must be one YAML document; a second one begins here"},
           {std::string("workers: 1\n\x04log: {}\n"), "t.yaml:2:1: control character 0x04 is not allowed"},
           {std::string("a: \0b\n", 6), "t.yaml:1:4: control character 0x00 is not allowed"},
           {"a: \xff\xfe\n", "t.yaml:1:4: byte 0xff is not valid UTF-8"},
           {"a: \xc3\n", "t.yaml:1:4: byte 0xc3 is not valid UTF-8"},
           {"a: \xed\xa0\x80\n", "t.yaml:1:4: byte 0xed is not valid UTF-8"},
           {std::string(kFileBytesMax + 1, '#'), "t.yaml: the file is larger than 1048576 bytes"}}) {
    CAPTURE(row.yaml.substr(0, 80));
    CHECK(errors_of(row.yaml) == row.errors);
  }
}

TEST_CASE("a byte order mark and CRLF change nothing") {
  const std::string yaml = with(In::top, "workers: 4");
  CHECK(load("\xef\xbb\xbf" + yaml).config->workers == 4);
  std::string crlf;
  for (const char c : yaml) crlf += c == '\n' ? "\r\n" : std::string(1, c);
  CHECK(load(crlf).config->workers == 4);
  CHECK(load("%YAML 1.2\n---\n" + yaml + "...\n").config->workers == 4);
}

TEST_CASE("each of many keys is found, in whatever order they are") {
  std::string yaml;
  constexpr int kKeys = 101;
  for (int i = 0; i < kKeys; ++i) yaml += "k" + std::to_string(i * 37 % kKeys) + ": " + std::to_string(i) + "\n";
  Diagnostics errors("t.yaml");
  Node root;
  REQUIRE(parse_document(yaml, root, errors));
  prepare(root, "", {}, errors);
  for (int i = 0; i < kKeys; ++i) {
    const Entry* entry = root.find("k" + std::to_string(i * 37 % kKeys));
    REQUIRE(entry);
    CHECK(entry->value.text == std::to_string(i));
  }
  for (const char* absent : {"", "k", "k00", "k101", "z"}) CHECK(root.find(absent) == nullptr);
}

TEST_CASE("duplicate keys are refused at every level") {
  CHECK(errors_of(with(In::top, "workers: 1\nworkers: 2")) ==
        "t.yaml:2:1: workers: duplicate key; first defined on line 1");
  CHECK(errors_of(with(In::route, "timeout: {total: 1s, total: 2s}")) ==
        "t.yaml:11:30: listeners[0].routes[0].timeout.total: duplicate key; first defined on line 11");
  CHECK(errors_of(with(In::upstream, "\"endpoints\": []")) ==
        "t.yaml:4:5: upstreams.u.endpoints: duplicate key; first defined on line 3");
}

TEST_CASE("anchors, aliases, merge keys and tags are refused") {
  CHECK(errors_of(with(In::top, "shutdown_grace: &grace 5s\nlog: *grace")) ==
        "t.yaml:1:17: shutdown_grace: anchors (&name) are not supported; write the value where it is used\nt.yaml:2:6: "
        "log: aliases (*name) are not supported; write the value itself");
  CHECK(errors_of(with(In::top, "log: &all {level: info}\nadmin: {<<: *all}")) ==
        "t.yaml:1:6: log: anchors (&name) are not supported; write the value where it is used\nt.yaml:2:9: "
        "admin.\"<<\": merge keys (<<) are not supported; write the keys themselves");
  CHECK(errors_of(with(In::top, "workers: !!int 3")) ==
        "t.yaml:1:10: workers: tags (!type) are not supported; remove the tag");
  CHECK(
      errors_of(with(In::top, "log: &self [*self]")) ==
      "t.yaml:1:6: log: anchors (&name) are not supported; write the value where it is used\nt.yaml:1:6: log: expected "
      "a section, not a list\nt.yaml:1:13: log[0]: aliases (*name) are not supported; write the value itself");
}

TEST_CASE("a key must be a plain word") {
  CHECK(errors_of(with(In::top, "? [a]\n: b")) == "t.yaml:1:3: a key must be a plain word");
  CHECK(errors_of(with(In::top, "~: 1")) == "t.yaml:1:1: a key must be a plain word");
  CHECK(errors_of(with(In::top, "log: {? {a: b} : c}")) == "t.yaml:1:9: log: a key must be a plain word");
  CHECK(errors_of(with(In::top, "\"a\\nb\": 1")) ==
        "t.yaml:1:1: \"a\\nb\": unknown key; one of: workers, shutdown_grace, limits, log, admin, tls, takeover, "
        "upstreams, queues, listeners");
}

TEST_CASE("deep nesting is refused before it exhausts the stack") {
  const auto result = load(std::string(100000, '['));
  CHECK(result.config == nullptr);
  REQUIRE(result.errors.size() == 1);
  CHECK(result.errors[0].what == "YAML syntax: nested too deeply");
  CHECK(!load("a: " + std::string(400, '[') + std::string(400, ']')).errors.empty());
}
