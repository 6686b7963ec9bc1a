// What is rendered of a configuration that a reload would bring.
#include <doctest/doctest.h>

#include <set>
#include <sstream>
#include <string>

#include "metrics/metrics.h"
#include "support/config_builder.h"

namespace tidegate::metrics {

namespace {

test::ConfigBuilder running() {
  return test::ConfigBuilder()
      .upstream("u", "endpoints: ['http://127.0.0.1:3001']")
      .route("r", "match: {path: /r}, upstream: u");
}

std::shared_ptr<const config::Config> next() {
  return test::load_config(
      running()
          .upstream("u", "endpoints: ['http://127.0.0.1:3001', 'http://127.0.0.1:3002'], breaker: {}")
          .upstream("other", "endpoints: ['http://127.0.0.1:3003'], breaker: {}")
          .queue("jobs", "url: 'sqlite:///tmp/unused.db'")
          .route("added",
                 "match: {path: /a}, upstream: other, breaker: {}, "
                 "fallback: {enqueue: {queue: jobs, callback: {url: 'http://127.0.0.1:8080/', secret: "
                 "'hunter1hunter1hunter1hunter1hunter1'}}}"));
}

// What a reload makes of it.
void prepare(Metrics& metrics, const config::Config& config) {
  metrics.hide_new(config);
  metrics.queue("jobs");
  metrics.queue("jobs.callbacks");
  metrics.add_configured(config);
  metrics.route("added");
  for (const char* breaker : {"u", "other", "added"}) metrics.breaker_begins(breaker);
}

// Of all series, and their comments; without their values.
std::set<std::string> names(Metrics& metrics) {
  std::set<std::string> all;
  std::istringstream text(metrics.render());
  for (std::string line; std::getline(text, line);) {
    all.insert(line.starts_with('#') ? line : line.substr(0, line.rfind(' ')));
  }
  return all;
}

}  // namespace

TEST_CASE("a configuration that does not come into force leaves nothing in the metrics") {
  const auto metrics = Metrics::make(*test::load_config(running()), "1", "r");
  const auto before = names(*metrics);
  CHECK(before.contains("tidegate_http_requests_in_flight{route=\"r\"}"));
  prepare(*metrics, *next());
  CHECK(names(*metrics) == before);
}

TEST_CASE("the series of a configuration are there once it is in force, and stay where a later one is refused") {
  const auto metrics = Metrics::make(*test::load_config(running()), "1", "r");
  prepare(*metrics, *next());
  prepare(*metrics, *next());  // the first was refused
  metrics->show_new();
  const auto has_all = [&] {
    const std::string text = metrics->render();
    for (const char* series : {"route=\"added\"", "upstream=\"other\"", "breaker=\"u\"", "breaker=\"added\"",
                               "queue=\"jobs\"", "queue=\"jobs.callbacks\"", "127.0.0.1:3002"}) {
      CAPTURE(series);
      CHECK(text.find(series) != std::string::npos);
    }
  };
  has_all();
  prepare(*metrics, *test::load_config(running()));
  has_all();
}

}  // namespace tidegate::metrics
