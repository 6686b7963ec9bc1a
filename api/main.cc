// watermark-api: environment, signals, start and shutdown.
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
#include "api/open_stores.h"
#include "api/service.h"
#include "base/log.h"
#include "base/log/output.h"
#include "http/client/healthcheck.h"
#include "net/uv/descriptors.h"
#include "net/uv/until_signal.h"

namespace {

using namespace tidegate;  // NOLINT: this file is the program

constexpr int kExitUsage = 2;
constexpr Duration kShutdownGrace = 30s;    // for requests in progress
constexpr Duration kCloseTime = 5s;         // for the stores, afterwards
constexpr uint64_t kPicturesAtOnceMin = 4;  // of the largest size, in the memory budget

constexpr char kEnvironmentHelp[] =
    "Environment:\n"
    "  LISTEN         address and port to listen on (127.0.0.1:8080)\n"
    "  OPTIMIZER_URL  URL of the optimizer through Tidegate's listener (http://127.0.0.1:8081)\n"
    "  STATE_DIR      directory for originals, results and jobs (./var/api)\n"
    "  MAX_UPLOAD     largest picture accepted, with a unit: B, KiB, MiB or GiB (32MiB)\n"
    "  REDIS_URL      redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], or rediss:// with TLS, for cached results (none:\n"
    "                 cached in memory)\n"
    "  S3_ENDPOINT    http(s)://HOST:PORT of an S3 server for the objects (none: kept in STATE_DIR); requires\n"
    "                 S3_ACCESS_KEY and S3_SECRET_KEY, optional: S3_BUCKET (watermark) and S3_REGION (us-east-1)\n"
    "  CA_FILE        who may sign certificates of Redis and S3 with TLS, in PEM (none: whom the system trusts)\n"
    "  PRESIGN_TTL    how long Tidegate may fetch an original; set it longer than the queue's job_ttl (25h)\n"
    "  WEBHOOK_SECRET secret of the callback in Tidegate's configuration (none: webhooks are not accepted)\n"
    "  TRUSTED_PROXIES  addresses whose X-Forwarded-For is used, such as 127.0.0.0/8,::1 (none)\n"
    "  ADMIN_URL      URL of Tidegate's admin interface, for /ready and the breaker on the page (none)\n"
    "  FAULT_URL      URL of the optimizer's /fault: lets the page break the optimizer; for demonstrations only "
    "(none)\n"
    "REDIS_URL, S3_ACCESS_KEY, S3_SECRET_KEY and WEBHOOK_SECRET can be read from files: NAME_FILE=/run/secrets/name";

int serve(const api::Settings& settings) {
  net::UvRuntime runtime;
  const auto on_hangup = net::refuse_reload(runtime);
  auto stores = api::open_stores(runtime, settings);
  if (!stores) {
    log_error("cannot_start", {{"reason", stores.error().message}});
    return EXIT_FAILURE;
  }
  api::ServiceLimits limits;
  limits.pictures_bytes_max = std::max(limits.pictures_bytes_max, kPicturesAtOnceMin * settings.max_upload);
  std::optional<api::ApiService> service(std::in_place, runtime, settings, *stores->cache, *stores->objects, limits);
  if (const Status status = service->listen(); !status) {
    log_error("cannot_start", {{"reason", status.error().message}});
    return EXIT_FAILURE;
  }
  log_info("listening", {{"address", service->address().to_string()},
                         {"tidegate", settings.optimizer.host + settings.optimizer.target},
                         {"max_upload", settings.max_upload}});
  api::GracefulStop stop(runtime, service, *stores, kShutdownGrace);
  net::run_until_signal(runtime, kShutdownGrace + kCloseTime, [&](auto done) { stop.begin(std::move(done)); });
  service.reset();
  log_info("stopped");
  return EXIT_SUCCESS;
}

int run(int argc, char** argv) {
  CLI::App app("Accepts picture uploads and has them watermarked through Tidegate");
  app.name("watermark-api");
  app.footer(kEnvironmentHelp);
  const char* listen = std::getenv("LISTEN");
  std::string address = listen ? listen : "127.0.0.1:8080";
  auto* health = app.add_subcommand("healthcheck", "Check whether a running watermark-api is alive");
  health->add_option("--address", address, "Address of the running watermark-api")->capture_default_str();
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
  mallopt(M_ARENA_MAX, 2);  // pictures are large and short-lived: every further heap would keep its peak size
#endif
  net::raise_descriptor_limit();
  log_configure(LogLevel::info, isatty(STDERR_FILENO) ? LogFormat::text : LogFormat::json);
  return serve(*settings);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    log_last_words(std::string("watermark-api: ") + error.what());
    return EXIT_FAILURE;
  }
}
