// Queues on servers, shared rate limits, bodies by reference and callbacks: their keys, and the exact errors.
#include <doctest/doctest.h>

#include "unit/config/load_support.h"

using namespace tidegate;
using namespace tidegate::config;

namespace {

// A file with these queues and these lines at its route.
std::string file_of(const std::string& queues, const std::string& route = "timeout: {}") {
  return "queues:\n" + indented(queues, 2) + with(In::route, route);
}

std::shared_ptr<const Config> loaded(const std::string& yaml, std::map<std::string, std::string> variables = {}) {
  const auto result = load(yaml, std::move(variables));
  for (const Diagnostic& error : result.errors) MESSAGE(error.to_string());
  REQUIRE(result.config != nullptr);
  return result.config;
}

std::string told_of_queue(const std::string& queue) { return errors_of(file_of("q: {" + queue + "}")); }

std::string told_of_enqueue(const std::string& enqueue) {
  return errors_of(file_of("q: {url: 'sqlite:///q'}", "fallback: {enqueue: {queue: q, " + enqueue + "}}"));
}

const std::string kEnqueue = "listeners[0].routes[0].fallback.enqueue.";
const std::string kLimit = "listeners[0].routes[0].rate_limit.";

}  // namespace

TEST_CASE("every key of queues on servers is read") {
  const auto config = loaded(
      file_of(
          "r: {url: 'redis://h/1', spool: /spool/./r.db, durability: relaxed, results: {ttl: 1h}}\na: {url: '${AMQP}', "
          "spool: /spool/a.db, results: {url: 'sqlite:///results/a.db'}}\nb: {url: 'amqp://h/v', results: {url: "
          "'redis://:p@h/2'}}\nc: {url: 'sqlite:///c.db', spool: /var/lib/tidegate/spool.db, results: {url: ''}}"),
      {{"AMQP", "amqp://u:p@h/v"}});
  const Queue& r = config->queues.at("r");
  CHECK(std::get<redis::Address>(r.url).database == 1);
  CHECK(r.spool_path == "/spool/r.db");
  CHECK(!r.strict_durability);
  CHECK(!r.results_url);
  const Queue& a = config->queues.at("a");
  CHECK(std::get<AmqpUrl>(a.url).password == "p");
  CHECK(std::get<SqliteUrl>(*a.results_url).path == "/results/a.db");
  CHECK(a.strict_durability);
  const Queue& b = config->queues.at("b");
  CHECK(std::get<redis::Address>(*b.results_url).database == 2);
  CHECK(b.spool_path == "/var/lib/tidegate/spool.db");
  CHECK(!config->queues.at("c").results_url);
}

TEST_CASE("mistakes in a queue on a server") {
  CHECK(told_of_queue("url: 'amqp://h'") ==
        "t.yaml:2:6: queues.q.results: `url` is required: a queue on amqp:// stores its records and results in "
        "`sqlite:///PATH` or `redis://HOST:PORT/DATABASE`");
  CHECK(told_of_queue("url: 'amqp://h', results: {url: 'amqp://u:s3cret@h'}") ==
        "t.yaml:2:39: queues.q.results.url: this is not a results URL such as `sqlite:///PATH` or "
        "`redis://HOST:PORT/DATABASE`");
  CHECK(told_of_queue("url: 'redis://h', results: {url: 'sqlite:///r'}") ==
        "t.yaml:2:40: queues.q.results.url: only a queue on amqp:// stores its results elsewhere; remove this key");
  CHECK(told_of_queue("url: 'sqlite:///q', spool: /s.db, durability: relaxed") ==
        "t.yaml:2:34: queues.q.spool: only a queue on redis:// or amqp:// has a spool; remove this key\nt.yaml:2:53: "
        "queues.q.durability: only a queue on redis:// can be `relaxed`");
  CHECK(told_of_queue("url: 'redis://h', spool: spool.db") ==
        "t.yaml:2:32: queues.q.spool: `spool.db` is not an absolute file path");
  CHECK(told_of_queue("url: 'redis://h:x', spool: /s.db, durability: relaxed") ==
        "t.yaml:2:12: queues.q.url: the URL has no valid port (1 to 65535)");
}

TEST_CASE("a substituted URL is never shown in an error") {
  CHECK(errors_of(file_of("q: {url: '${URL}'}"), {{"URL", "redis://s3cret@h"}}) ==
        "t.yaml:2:12: queues.q.url: the value of `${URL}` is not a queue URL such as "
        "`sqlite:///var/lib/tidegate/jobs.db`");
}

TEST_CASE("no two queues share a file") {
  CHECK(errors_of(file_of("a: {url: 'redis://h/0'}\nb: {url: 'redis://h/1'}")) ==
        "t.yaml:3:6: queues.b.spool: duplicate file /var/lib/tidegate/spool.db; first used by queues.a.spool");
  CHECK(errors_of(file_of("a: {url: 'sqlite:///x'}\nb: {url: 'redis://h/1', spool: //x}")) ==
        "t.yaml:3:34: queues.b.spool: duplicate file /x; first used by queues.a.url");
  CHECK(errors_of(file_of("a: {url: 'amqp://h', spool: /x, results: {url: 'sqlite:///x'}}")) ==
        "t.yaml:2:50: queues.a.results.url: duplicate file /x; first used by queues.a.spool");
}

TEST_CASE("every key of a sliding window and a shared store is read") {
  const auto config = loaded(
      with(In::route,
           "rate_limit: {algorithm: sliding_window, rate: 100/60s, store: 'redis://:p@h/4', on_store_failure: deny}"));
  const RateLimit& limit = *config->listeners[0].routes[0].rate_limit;
  CHECK(limit.limit.algorithm == policy::RateAlgorithm::sliding_window);
  CHECK(limit.limit.count == 100);
  CHECK(limit.limit.window == 60s);
  CHECK(limit.limit.rate_per_s == doctest::Approx(100.0 / 60));
  REQUIRE(limit.store);
  CHECK(limit.store->database == 4);
  CHECK(limit.on_store_failure == OnStoreFailure::deny);
  const auto bucket = loaded(with(In::route, "rate_limit: {store: local}"));
  CHECK(bucket->listeners[0].routes[0].rate_limit->limit.algorithm == policy::RateAlgorithm::token_bucket);
  CHECK(!bucket->listeners[0].routes[0].rate_limit->store);
}

TEST_CASE("mistakes in a sliding window and a shared store") {
  check_all({
      {In::route, "rate_limit: {algorithm: sliding_window, burst: 5}",
       "t.yaml:11:56: " + kLimit + "burst: has no effect with `algorithm: sliding_window`; remove it"},
      {In::route, "rate_limit: {algorithm: sliding_window, rate: 100001/h}",
       "t.yaml:11:55: " + kLimit +
           "rate: sliding_window stores every request of the window: write a count of at most 100000, not 100001"},
      {In::route, "rate_limit: {algorithm: leaky}",
       "t.yaml:11:33: " + kLimit + "algorithm: unknown value `leaky`; one of: token_bucket, sliding_window"},
      {In::route, "rate_limit: {store: 'redis://h/x'}",
       "t.yaml:11:29: " + kLimit +
           "store: the path of the URL must be a database number, as in `redis://127.0.0.1:6379/0`"},
      {In::route, "rate_limit: {store: 'amqp://u:s3cret@h'}",
       "t.yaml:11:29: " + kLimit + "store: this is not `local` or a server such as `redis://127.0.0.1:6379/0`"},
  });
}

TEST_CASE("every key of bodies by reference and of callbacks is read") {
  const auto config = loaded(
      file_of(
          "q: {url: 'sqlite:///q'}",
          "fallback: {enqueue: {queue: q, body: reference, reference_hosts: [Minio.Internal, 'h:9000', '[::1]:90'], "
          "reference_timeout: 7s, callback: {url: 'http://127.0.0.1:8080/done?x', secret: '${SECRET}'}}}"),
      {{"SECRET", "whsec_MDEyMzQ1Njc4OWFiY2RlZg=="}});
  const auto& enqueue = std::get<FallbackEnqueue>(config->listeners[0].routes[0].fallback->action);
  CHECK(enqueue.by_reference);
  CHECK(enqueue.reference_hosts == std::vector<std::string>{"minio.internal", "h:9000", "[::1]:90"});
  CHECK(enqueue.reference_timeout == 7s);
  REQUIRE(enqueue.callback);
  CHECK(enqueue.callback->url == "http://127.0.0.1:8080/done?x");
  CHECK(enqueue.callback->secret == "whsec_MDEyMzQ1Njc4OWFiY2RlZg==");
}

TEST_CASE("mistakes in bodies by reference") {
  CHECK(told_of_enqueue("body: reference") ==
        "t.yaml:13:29: " + kEnqueue +
            "reference_hosts: is empty; with `body: reference`, list the hosts that bodies may be fetched from");
  CHECK(
      told_of_enqueue("body: reference, reference_hosts: ['http://h/', '*', 'u@h', 'h:99999']") ==
      "t.yaml:13:75: " + kEnqueue +
          "reference_hosts[0]: `http://h/` is not a host such as `minio.internal` or "
          "`minio.internal:9000`\nt.yaml:13:88: " +
          kEnqueue +
          "reference_hosts[1]: `*` is not a host such as `minio.internal` or `minio.internal:9000`\nt.yaml:13:93: " +
          kEnqueue +
          "reference_hosts[2]: `u@h` is not a host such as `minio.internal` or `minio.internal:9000`\nt.yaml:13:100: " +
          kEnqueue + "reference_hosts[3]: `h:99999` is not a host such as `minio.internal` or `minio.internal:9000`");
  CHECK(told_of_enqueue("reference_hosts: [h], reference_timeout: 3s") ==
        "t.yaml:13:57: " + kEnqueue + "reference_hosts: has no effect without `body: reference`\nt.yaml:13:81: " +
            kEnqueue + "reference_timeout: has no effect without `body: reference`");
}

TEST_CASE("mistakes in a callback never show the secret") {
  CHECK(told_of_enqueue("callback: {}") == "t.yaml:13:50: " + kEnqueue +
                                               "callback.url: required key is missing\nt.yaml:13:50: " + kEnqueue +
                                               "callback.secret: required key is missing");
  CHECK(told_of_enqueue("callback: {url: 'ftp://h', secret: short}") ==
        "t.yaml:13:56: " + kEnqueue +
            "callback.url: this is not a callback URL such as `http://127.0.0.1:8080/done`\nt.yaml:13:75: " + kEnqueue +
            "callback.secret: is too short; write at least 16 bytes");
  CHECK(told_of_enqueue("callback: {url: 'http://h', secret: 'whsec_c2hvcnQ='}") ==
        "t.yaml:13:76: " + kEnqueue + "callback.secret: is too short; write at least 16 bytes");
  CHECK(told_of_enqueue("callback: {url: 'http://h', secret: 'whsec_MDEyMzQ1Njc4OWFiY2RlZg'}") ==
        "t.yaml:13:76: " + kEnqueue + "callback.secret: is not base64 after `whsec_`");
  CHECK(told_of_enqueue("callback: {url: 'http://u:p@h', secret: 0123456789abcdef}") ==
        "t.yaml:13:56: " + kEnqueue + "callback.url: the URL must not contain a user or password");
}

TEST_CASE("a fallback enqueues or responds, not both") {
  check_all({
      {In::route, "fallback: {respond: {}, enqueue: {queue: q}}",
       "t.yaml:11:29: listeners[0].routes[0].fallback.respond: `enqueue` and `respond` are mutually exclusive; remove "
       "one of them"},
  });
}
