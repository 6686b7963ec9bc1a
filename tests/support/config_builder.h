// The configuration of a test, part by part, and its loading. A part that a test does not set has a default that
// listens on free ports of 127.0.0.1.
//
//   ConfigBuilder()
//       .upstream("up", "endpoints: [\"{UP}\"]")
//       .queue("jobs", "url: \"sqlite://{DIR}/jobs.db\"")
//       .route("job", "match: {path: /job*}, upstream: up, fallback: {enqueue: {queue: jobs}}")
//
// Settings are YAML in flow style, without the outer braces.
#pragma once

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>

#include "config/load/loader.h"

namespace tidegate::test {

class ConfigBuilder {
 public:
  ConfigBuilder& log(const std::string& settings) { return set(log_, settings); }
  ConfigBuilder& admin(const std::string& settings) { return set(admin_, settings); }
  ConfigBuilder& listener(const std::string& settings) { return set(listener_, settings); }
  // Of two upstreams or queues with one name, the last counts.
  ConfigBuilder& upstream(const std::string& name, const std::string& settings) {
    return set(upstreams_[name], settings);
  }
  ConfigBuilder& queue(const std::string& name, const std::string& settings) { return set(queues_[name], settings); }
  // Routes match in the order in which they are added.
  ConfigBuilder& route(const std::string& name, const std::string& settings) {
    routes_ += "    {name: " + name + ", " + settings + "},\n";
    return *this;
  }

  std::string yaml() const {
    return "log: {" + log_ + "}\nadmin: {" + admin_ + "}\n" + named("upstreams", upstreams_) +
           named("queues", queues_) + "listeners:\n  - {name: in, " + listener_ + ", routes: [\n" + routes_ +
           "    ]}\n";
  }
  operator std::string() const { return yaml(); }

 private:
  using Named = std::map<std::string, std::string>;

  ConfigBuilder& set(std::string& part, const std::string& settings) {
    part = settings;
    return *this;
  }
  static std::string named(const std::string& section, const Named& parts) {
    std::string text = parts.empty() ? "" : section + ":\n";
    for (const auto& [name, settings] : parts) text += "  " + name + ": {" + settings + "}\n";
    return text;
  }

  std::string log_ = "access: all";
  std::string admin_ = "address: 127.0.0.1:0, hosts: [example]";  // the Host of the tests' requests
  std::string listener_ = "address: 127.0.0.1:0";
  Named upstreams_, queues_;
  std::string routes_;
};

// Loads the YAML without the environment of the process; a mistake in it fails the test.
inline std::shared_ptr<const config::Config> load_config(const std::string& yaml) {
  const auto no_environment = [](const std::string&) { return std::optional<std::string>(); };
  const config::LoadResult loaded = config::load_text(yaml, "test.yaml", no_environment);
  for (const config::Diagnostic& error : loaded.errors) FAIL_CHECK(error.to_string());
  REQUIRE(loaded.config);
  return loaded.config;
}

}  // namespace tidegate::test
