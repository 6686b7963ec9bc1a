// Files of contexts that change while a process runs, on virtual time.
#include "core/routing/tls_watch.h"

#include <fstream>

#include "base/log.h"
#include "net/sim/sim_runtime.h"
#include "support/tls_contexts.h"

using namespace tidegate;
using namespace tidegate::test;

namespace {

struct WatchFixture {
  WatchFixture() {
    log_configure(LogLevel::info, LogFormat::json);
    log_set_sink([this](LogLevel, std::string_view line) { log.emplace_back(line); });
    watch.add("listener", "in", context);
  }
  ~WatchFixture() { log_set_sink({}); }
  bool logged(const std::string& text) const {
    return std::any_of(log.begin(), log.end(),
                       [&](const std::string& line) { return line.find(text) != std::string::npos; });
  }

  CertificateFiles files = Authority::of_program().issue("watched", {.days_until = 5});
  ContextPtr context = server_context(files);
  net::SimRuntime runtime{1};
  core::TlsWatch watch{runtime};
  std::vector<std::string> log;
};

}  // namespace

TEST_CASE("A renewed certificate is in use after two looks, and the log says so once") {
  WatchFixture fixture;
  const auto before = *fixture.context->valid_until();
  fixture.runtime.run_for(core::TlsWatch::kInterval);
  Authority::of_program().issue("watched", {.days_until = 90});
  fixture.runtime.run_for(2 * core::TlsWatch::kInterval);
  CHECK(*fixture.context->valid_until() > before);
  fixture.runtime.run_for(10 * core::TlsWatch::kInterval);
  REQUIRE(fixture.log.size() == 1);
  CHECK(fixture.logged(R"("event":"tls_files_reloaded")"));
  CHECK(fixture.logged(R"("section":"listener","name":"in")"));
}

TEST_CASE("A broken certificate is refused in the log, once, with its reason, and the old one stays") {
  WatchFixture fixture;
  const auto before = *fixture.context->valid_until();
  std::ofstream(fixture.files.cert_file) << "broken";
  fixture.runtime.run_for(10 * core::TlsWatch::kInterval);
  CHECK(*fixture.context->valid_until() == before);
  REQUIRE(fixture.log.size() == 1);
  CHECK(fixture.logged(R"("event":"tls_files_refused")"));
  CHECK(fixture.logged(fixture.files.cert_file + " cannot be used as a certificate chain in PEM format"));
}

TEST_CASE("A context that nobody uses any more is watched no longer") {
  WatchFixture fixture;
  fixture.context.reset();
  fixture.runtime.run_for(2 * core::TlsWatch::kInterval);
  CHECK(fixture.runtime.active_timers() == 0);
}
