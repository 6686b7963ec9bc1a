// watermark-api: the environment, the signals and the end of the process.
#include <unistd.h>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "api/graceful_stop.h"
#include "api/service.h"
#include "api/store/open_stores.h"
#include "base/log.h"
#include "http/client/healthcheck.h"
#include "net/uv/until_signal.h"

namespace {

using namespace tidegate;  // NOLINT: this file is the program

constexpr int kExitUsage = 2;
constexpr Duration kShutdownGrace = 30s;    // for what runs
constexpr Duration kCloseTime = 5s;         // for the stores, behind it
constexpr uint64_t kPicturesAtOnceMin = 4;  // of the largest size, in memory

constexpr char kEnvironmentHelp[] =
    "Environment:\n"
    "  LISTEN         address and port to listen on (127.0.0.1:8080)\n"
    "  OPTIMIZER_URL  the listener of Tidegate that stands before the optimizer (http://127.0.0.1:8081)\n"
    "  STATE_DIR      the directory of originals, results and jobs (./var/api)\n"
    "  MAX_UPLOAD     the largest picture taken, with a unit: B, KiB, MiB or GiB (32MiB)\n"
    "  REDIS_URL      redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]; without it results are cached in memory\n"
    "  S3_ENDPOINT    http://HOST:PORT of an S3 server, with S3_BUCKET (watermark), S3_REGION (us-east-1), "
    "S3_ACCESS_KEY\n"
    "                 and S3_SECRET_KEY; without it objects lie in STATE_DIR\n"
    "  PRESIGN_TTL    how long Tidegate may fetch an original: longer than the queue's job_ttl (25h)\n"
    "  WEBHOOK_SECRET the callback's secret in Tidegate's configuration; without it results are only polled for\n"
    "  TRUSTED_PROXIES  whose X-Forwarded-For is believed: 127.0.0.0/8,::1 (none)\n"
    "  ADMIN_URL      Tidegate's admin interface, which tells whether Tidegate is well; the page shows the breaker "
    "(not used)\n"
    "  FAULT_URL      the optimizer's /fault: the page can break the optimizer, for demonstrations only (it cannot)\n"
    "REDIS_URL, S3_ACCESS_KEY, S3_SECRET_KEY and WEBHOOK_SECRET may be files: NAME_FILE=/run/secrets/name";

int serve(const api::Settings& settings) {
  net::UvRuntime runtime;
  auto stores = api::open_stores(runtime, settings);
  if (!stores) {
    log_error("cannot_start", {{"error", stores.error().message}});
    return EXIT_FAILURE;
  }
  api::ServiceLimits limits;
  limits.pictures_bytes_max = std::max(limits.pictures_bytes_max, kPicturesAtOnceMin * settings.max_upload);
  std::optional<api::ApiService> service(std::in_place, runtime, settings, *stores->cache, *stores->objects, limits);
  if (const Status status = service->listen(); !status) {
    log_error("cannot_start", {{"error", status.error().message}});
    return EXIT_FAILURE;
  }
  log_info("listening", {{"address", service->address().to_string()},
                         {"tidegate", settings.optimizer.host + settings.optimizer.target},
                         {"max_upload", settings.max_upload}});
  api::GracefulStop stop(runtime, service, *stores, kShutdownGrace);
  net::run_until_signal(runtime, kShutdownGrace + kCloseTime, [&](auto done) { stop.begin(std::move(done)); });
  service.reset();
  log_info("bye");
  return EXIT_SUCCESS;
}

int run(int argc, char** argv) {
  CLI::App app("Takes pictures and has a watermark put on them, through Tidegate");
  app.name("watermark-api");
  app.footer(kEnvironmentHelp);
  const char* listen = std::getenv("LISTEN");
  std::string address = listen ? listen : "127.0.0.1:8080";
  auto* health = app.add_subcommand("healthcheck", "Ask a running watermark-api if it is alive");
  health->add_option("--address", address, "Where it listens; LISTEN, if that is set")->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? EXIT_SUCCESS : kExitUsage;
  }
  if (health->parsed()) return http::healthcheck("watermark-api", address);
  const auto settings = api::read_settings([](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    return value ? std::optional<std::string>(value) : std::nullopt;
  });
  if (!settings) {
    std::fprintf(stderr, "watermark-api: %s\n", settings.error().message.c_str());
    return kExitUsage;
  }
#if defined(__GLIBC__)
  mallopt(M_ARENA_MAX, 2);  // pictures come and go: many heaps would each keep their largest
#endif
  log_configure(LogLevel::info, isatty(STDERR_FILENO) ? LogFormat::text : LogFormat::json);
  return serve(*settings);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "watermark-api: %s\n", error.what());
    return EXIT_FAILURE;
  }
}
