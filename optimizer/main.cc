// watermark-optimizer: command line, signals, start and shutdown.
#include <unistd.h>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "base/log.h"
#include "base/log/output.h"
#include "http/client/healthcheck.h"
#include "net/uv/descriptors.h"
#include "net/uv/until_signal.h"
#include "optimizer/http/service.h"
#include "optimizer/image/watermark.h"

namespace {

using namespace tidegate;  // NOLINT: this file is the program
using optimizer::OptimizerService;

constexpr int kExitUsage = 2;
constexpr Duration kShutdownGrace = 30s;

int serve(const optimizer::ServiceOptions& options) {
  net::UvRuntime runtime;
  const auto on_hangup = net::refuse_reload(runtime);
  auto service = std::make_optional<OptimizerService>(runtime, options);
  if (const Status status = service->listen(); !status) {
    log_error("cannot_start", {{"reason", status.error().message}});
    return EXIT_FAILURE;
  }
  log_info("listening", {{"address", service->address().to_string()},
                         {"workers", options.workers},
                         {"queue", options.queue_max},
                         {"fault", optimizer::to_json(options.fault)}});
  net::run_until_signal(runtime, kShutdownGrace, [&](auto done) { service->drain(std::move(done)); });
  service.reset();
  log_info("stopped");
  return EXIT_SUCCESS;
}

// What the command line says.
struct CommandLine {
  CLI::App app{"Draws watermarks on images: POST /optimize?text=…"};
  CLI::App* health = nullptr;
  std::string listen = "127.0.0.1:3001";
  std::string fault = "none";
  optimizer::ServiceOptions options;
  int64_t time_limit_s = ceil_seconds(options.work_time_max);  // what is parsed, of `options`

  CommandLine();
};

CommandLine::CommandLine() {
  options.workers = net::available_cpus();
  app.name("watermark-optimizer");
  app.add_option("--listen", listen, "Address and port to listen on")->capture_default_str();
  health = app.add_subcommand("healthcheck", "Check whether a running watermark-optimizer is alive");
  health->add_option("--address,--listen", listen, "Address of the running watermark-optimizer")->capture_default_str();
  app.add_option("--workers", options.workers, "Images processed at once")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option("--queue", options.queue_max, "Images that may wait; further ones get 503")
      ->check(CLI::Range(0, 10000))
      ->capture_default_str();
  app.add_option("--time-limit", time_limit_s,
                 "Longest processing time of one image, in seconds; it is then refused (422)")
      ->check(CLI::Range(1, 600))
      ->capture_default_str();
  app.add_option("--fault", fault,
                 "Simulated fault: none, slow:MS, error:STATUS, hang or down (for demonstrations and tests)");
  app.add_flag("--allow-faults", options.allow_faults, "Allow POST /fault to change the fault");
}

int run(int argc, char** argv) {
  CommandLine line;
  try {
    line.app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return line.app.exit(error) == 0 ? EXIT_SUCCESS : kExitUsage;
  }

  if (line.health->parsed()) return http::healthcheck("watermark-optimizer", line.listen);
  const auto address = SocketAddress::parse(line.listen);
  if (!address) {
    std::fprintf(stderr, "watermark-optimizer: --listen %s: not an address and port, such as 127.0.0.1:3001\n",
                 line.listen.c_str());
    return kExitUsage;
  }
  line.options.listen = *address;
  line.options.work_time_max = std::chrono::seconds(line.time_limit_s);
  const auto parsed = optimizer::parse_fault(line.fault);
  if (const auto* refusal = std::get_if<optimizer::Refusal>(&parsed)) {
    std::fprintf(stderr, "watermark-optimizer: --fault %s: %s\n", line.fault.c_str(), refusal->detail.c_str());
    return kExitUsage;
  }
  line.options.fault = std::get<optimizer::Fault>(parsed);
#if defined(__GLIBC__)
  mallopt(M_ARENA_MAX, 2);  // more heaps would each be fragmented by large pixel buffers
  // By default the threshold grows with each freed buffer, and pixel buffers would then stay in the heaps.
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
  net::raise_descriptor_limit();
  log_configure(LogLevel::info, isatty(STDERR_FILENO) ? LogFormat::text : LogFormat::json);
  const optimizer::ImageLibrary library("watermark-optimizer");
  return serve(line.options);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    log_last_words(std::string("watermark-optimizer: ") + error.what());
    return EXIT_FAILURE;
  }
}
