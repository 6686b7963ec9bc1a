// The shipped files load, and a randomly damaged file is handled.
#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "base/random.h"
#include "unit/config/load_support.h"

using namespace tidegate;
using namespace tidegate::config;

namespace {

const std::filesystem::path kFolder = std::filesystem::path(TIDEGATE_SOURCE_DIR) / "config";

std::string content_of(const std::filesystem::path& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

// The files of /run/secrets that an example reads, in a temporary folder.
class Secrets {
 public:
  Secrets() {
    std::filesystem::create_directory(folder_);
    for (const char* name : {"admin_token", "redis_password", "rabbitmq_password", "webhook_secret"}) {
      std::ofstream(folder_ / name) << "sixteen-bytes-of-" << name << "\n";
    }
  }
  ~Secrets() { std::filesystem::remove_all(folder_); }

  LoadResult load(const std::filesystem::path& file, std::map<std::string, std::string> variables = {}) const {
    std::string text = content_of(file);
    const std::string mounted = "/run/secrets";
    for (size_t at = text.find("${file:"); at != text.npos; at = text.find("${file:", at + 1)) {
      if (text.compare(at + 7, mounted.size(), mounted) == 0) text.replace(at + 7, mounted.size(), folder_.string());
    }
    return load_text(text, file.string(), environment_of(std::move(variables)));
  }

 private:
  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("tidegate-secrets-" + std::to_string(::getpid()));
};

// One random edit, of a kind that people, editors or disks make.
void damage(std::string& text, std::mt19937& random) {
  static const char* const kPieces[] = {
      "\n",   " ",   ":",      ": ",    "- ",   "{",        "}",    "[",
      "]",    "\"",  "'",      "#",     "&a ",  "*a",       "<<: ", "${",
      "${X}", "$${", "!!str ", "---\n", "\t",   "|\n",      "? ",   "~",
      "0",    "-1",  "1e9",    "\xff",  "\x04", "\xc3\xa9", "null", "99999999999999999999",
      "true", "s",   "%"};
  const auto below = [&](size_t bound) { return std::uniform_int_distribution<size_t>(0, bound - 1)(random); };
  const size_t at = below(text.size() + 1);
  const size_t length = std::min(below(12), text.size() - at);
  switch (below(5)) {
    case 0: text.erase(at, length); break;
    case 1: text.insert(at, kPieces[below(std::size(kPieces))]); break;
    case 2: text.replace(at, length, kPieces[below(std::size(kPieces))]); break;
    case 3: text.insert(below(text.size() + 1), text.substr(at, length * 8)); break;
    default: text.resize(at); break;
  }
}

}  // namespace

TEST_CASE("the shipped configuration and every example load without a warning") {
  std::vector<std::filesystem::path> files{kFolder / "tidegate.yaml"};
  for (const auto& entry : std::filesystem::directory_iterator(kFolder / "examples")) files.push_back(entry.path());
  CHECK(files.size() >= 3);
  const Secrets secrets;
  for (const auto& file : files) {
    CAPTURE(file.string());
    const auto result = secrets.load(file);
    CHECK(lines_of(result.errors) == "");
    CHECK(lines_of(result.warnings) == "");
  }
}

TEST_CASE("the shipped configuration fits the watermark service") {
  const auto config =
      load_file((kFolder / "tidegate.yaml").string(), environment_of({{"TIDEGATE_STATE_DIR", "/state"}})).config;
  REQUIRE(config != nullptr);
  CHECK(std::get<SqliteUrl>(config->queues.at("optimize-jobs").url).path == "/state/jobs.db");
  CHECK(config->listeners.at(0).address.to_string() == "127.0.0.1:8081");
  CHECK(config->admin.address.to_string() == "127.0.0.1:9901");
  CHECK(config->upstreams.at("optimizer").endpoints.at(0).authority == "127.0.0.1:3001");
  CHECK(config->listeners.at(0).routes.at(0).fallback->on.text() ==
        "breaker_open, bulkhead_full, pool_full, connect_failure, timeout, reset, 502, 503, 504");
}

TEST_CASE("the watermark service's example reads its addresses from the environment and its secrets from files") {
  const Secrets secrets;
  const auto config = secrets
                          .load(kFolder / "examples" / "watermark.yaml",
                                {{"S3_ADDRESS", "objects:9"}, {"RABBITMQ_ADDRESS", "broker:5"}, {"UPLOAD_BURST", "3"}})
                          .config;
  REQUIRE(config != nullptr);
  CHECK(config->admin.token == "sixteen-bytes-of-admin_token");
  CHECK(std::get<AmqpUrl>(config->queues.at("optimize-jobs").url).host == "broker");
  const Listener& egress = config->listeners.at(0);
  const auto& enqueue = std::get<FallbackEnqueue>(egress.routes.at(0).fallback->action);
  CHECK(enqueue.reference_hosts == std::vector<std::string>{"objects:9"});
  CHECK(enqueue.callback->url == "http://127.0.0.1:8080/webhooks/tidegate");
  CHECK(enqueue.callback->secret == "sixteen-bytes-of-webhook_secret");
  // From outside the webhook is not reachable, and uploads have their own slots.
  const Listener& ingress = config->listeners.at(1);
  CHECK(ingress.trusted_proxies.empty());
  for (const Route& route : ingress.routes) {
    CHECK(route.match.path.find("webhooks") == std::string::npos);
    const bool is_limited = route.name == "upload" || route.name == "images";
    CHECK(route.bulkhead.has_value() == is_limited);
    CHECK(route.rate_limit.has_value() == is_limited);
    if (route.retry.max_attempts > 1) CHECK(route.match.methods == std::vector<std::string>{"GET", "HEAD"});
  }
  CHECK(ingress.routes.at(0).rate_limit->limit.burst == 3);
}

TEST_CASE(
    "a callback of the watermark service's example survives two hours without its receiver, and a job ends before its "
    "presigned URL") {
  const Secrets secrets;
  const auto config = secrets.load(kFolder / "examples" / "watermark.yaml").config;
  REQUIRE(config != nullptr);
  const Queue& queue = config->queues.at("optimize-jobs");
  policy::BackoffConfig shortest = queue.replay.backoff;
  REQUIRE(shortest.jitter == policy::Jitter::equal);  // at least half of the wait
  shortest.jitter = policy::Jitter::none;
  Random random(1);
  Duration waits{};
  for (int n = 0; n + 1 < queue.replay.max_attempts; ++n) {
    waits += policy::Backoff(shortest).delay(n, {}, random) / 2;
  }
  CHECK(waits > 2h);
  CHECK(queue.job_ttl < 25h);
}

TEST_CASE("a damaged file gives a configuration or errors, never neither and never both") {
  // Without comments, so that the damage has an effect.
  std::string whole;
  std::istringstream lines(content_of(kFolder / "tidegate.yaml"));
  for (std::string line; std::getline(lines, line);) {
    const size_t first = line.find_first_not_of(' ');
    if (first != std::string::npos && line[first] != '#') whole += line.substr(0, line.find("  #")) + "\n";
  }
  REQUIRE(load(whole).config != nullptr);
  int refused = 0;
  for (unsigned seed = 0; seed < 3000; ++seed) {
    std::mt19937 random(seed);
    std::string text = whole;
    for (unsigned edits = 1 + seed % 4; edits > 0; --edits) damage(text, random);
    const auto result = load(text);
    CAPTURE(seed);
    CHECK((result.config != nullptr) == result.errors.empty());
    refused += result.config == nullptr ? 1 : 0;
    for (size_t i = 0; i < result.errors.size(); ++i) {
      CHECK(!result.errors[i].what.empty());
      if (i > 0) CHECK(result.errors[i - 1].position.line <= result.errors[i].position.line);
    }
  }
  CHECK(refused > 2000);  // else the damage tests nothing
  CHECK(refused < 3000);
}

TEST_CASE("a missing file is an error with its name") {
  CHECK(load_file("/no/such.yaml").errors.at(0).to_string() ==
        "/no/such.yaml: cannot read the file: No such file or directory");
  CHECK(load_file("/").errors.at(0).to_string() == "/: cannot read the file: Is a directory");
}

TEST_CASE("the report of a check is text or JSON") {
  const auto good = load(with(In::queue, "") + "        fallback: {enqueue: {queue: q}}\n");
  CHECK(check_report(good, false) == "t.yaml: ok: 1 listener, 1 route, 1 upstream, 1 queue\n");
  CHECK(check_report(good, true) == "{\"ok\":true,\"errors\":[],\"warnings\":[]}\n");
  CHECK(check_report(load(with(In::top, "workers: 1")), false) ==
        "t.yaml: ok: 1 listener, 1 route, 1 upstream, 0 queues\n");
  const auto one = load(with(In::top, "workers: 0"));
  CHECK(check_report(one, false) == "t.yaml:1:10: workers: must be 1 to 1024, not 0\n1 error\n");
  CHECK(check_report(one, true) ==
        "{\"ok\":false,\"errors\":[{\"file\":\"t.yaml\",\"line\":1,\"column\":10,\"path\":\"workers\",\"what\":\"must "
        "be 1 to 1024, not 0\"}],\"warnings\":[]}\n");
  const auto two = load(with(In::top, "workers: 0\nshutdown_grace: 5"));
  CHECK(check_report(two, false) ==
        "t.yaml:1:10: workers: must be 1 to 1024, not 0\nt.yaml:2:17: shutdown_grace: `5` has no unit; write `5s`\n2 "
        "errors\n");
  const auto warned = load(with(In::queue, "max_jobs: 5"));
  CHECK(check_report(warned, false) ==
        "t.yaml:2:3: warning: queues.q: no route enqueues here: only the jobs that it holds are run\nt.yaml: ok: 1 "
        "listener, 1 route, 1 upstream, 1 queue, "
        "1 warning\n");
  CHECK(check_report(warned, true) ==
        "{\"ok\":true,\"errors\":[],\"warnings\":[{\"file\":\"t.yaml\",\"line\":2,\"column\":3,\"path\":\"queues.q\","
        "\"what\":\"no route enqueues here: only the jobs that it holds are run\"}]}\n");
}
