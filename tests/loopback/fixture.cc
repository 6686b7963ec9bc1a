#include "loopback/fixture.h"

#include <algorithm>

#include "base/log.h"
#include "cli/open_queues.h"
#include "http/parser/parser.h"
#include "net/tls/tls_handshake.h"

namespace tidegate::loopback {

namespace {

void replace_all(std::string& text, const std::string& what, const std::string& with) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

std::filesystem::path make_folder() {
  std::string name = (std::filesystem::temp_directory_path() / "tidegate-loopback-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  return name;
}

template <typename List>
std::string first_of(const List& fields, std::string_view name) {
  for (const auto& [n, v] : fields) {
    if (http::iequals(n, name)) return v;
  }
  return "";
}

}  // namespace

std::string Reply::field(std::string_view name) const { return first_of(fields, name); }

size_t Reply::count(std::string_view name) const {
  return static_cast<size_t>(
      std::count_if(fields.begin(), fields.end(), [&](const auto& field) { return http::iequals(field.first, name); }));
}

Reply take_reply(std::string* bytes, bool to_head, bool ended) {
  http::ResponseParser parser{http::HeadLimits{}};
  parser.expect(to_head);
  std::string_view rest = *bytes;
  Reply reply;
  for (;;) {
    http::ParseEvent event = parser.next(&rest);
    if (event == http::ParseEvent::need_more && ended) event = parser.end_of_input();
    switch (event) {
      case http::ParseEvent::head:
        reply.status = parser.head().status;
        for (const http::Field& field : parser.head().fields) reply.fields.emplace_back(field.name, field.value);
        break;
      case http::ParseEvent::body: reply.body += parser.body(); break;
      case http::ParseEvent::complete:
        reply.whole = true;
        *bytes = std::string(rest);
        return reply;
      case http::ParseEvent::need_more: return reply;
      case http::ParseEvent::error: return reply;
    }
  }
}

std::string get(std::string_view target, std::string_view fields) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: example\r\n" + std::string(fields) + "\r\n";
}

std::string post(std::string_view target, std::string_view body, std::string_view fields) {
  return "POST " + std::string(target) +
         " HTTP/1.1\r\nHost: example\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string(fields) +
         "\r\n" + std::string(body);
}

Fixture::Fixture(std::string yaml, net::LookupThreads::Lookup lookup)
    : lookups(std::move(lookup)), folder_(make_folder()) {
  log_configure(LogLevel::info, LogFormat::json);
  log_set_sink([this](LogLevel, std::string_view line) { log.emplace_back(line); });
  config_ = load(std::move(yaml));
  start();
}

std::shared_ptr<const config::Config> Fixture::load(std::string yaml) const {
  replace_all(yaml, "{UP_PORT}", std::to_string(upstream.port()));
  replace_all(yaml, "{UP}", "http://127.0.0.1:" + std::to_string(upstream.port()));
  replace_all(yaml, "{SECOND}", "http://127.0.0.1:" + std::to_string(second.port()));
  replace_all(yaml, "{RAW}", "http://127.0.0.1:" + std::to_string(raw.port()));
  replace_all(yaml, "{TLS}", "https://127.0.0.1:" + std::to_string(secure.port()));
  replace_all(yaml, "{MTLS}", "https://127.0.0.1:" + std::to_string(strict.port()));
  replace_all(yaml, "{RAW_PORT}", std::to_string(raw.port()));
  replace_all(yaml, "{CA}", test::Authority::of_program().ca_file());
  replace_all(yaml, "{CERT}", test::Authority::server_of_program().cert_file);
  replace_all(yaml, "{KEY}", test::Authority::server_of_program().key_file);
  replace_all(yaml, "{DIR}", folder_.string());
  return test::load_config(yaml);
}

Status Fixture::try_reload(const std::string& yaml) {
  const auto config = load(yaml);
  metrics_->add_configured(*config);
  auto table = core::RouteTable::build(config, gateway_->policies());
  if (Status status = listeners_->prepare(table); !status) {
    gateway_->policies().roll_back();
    return status;
  }
  gateway_->use(std::move(table));
  listeners_->commit();
  replaying_->use_table_in_force();
  return Ok{};
}

void Fixture::start() {
  constexpr bool kHandover = false;
  metrics_ = metrics::Metrics::make(*config_, "9.9.9", "loopback");
  auto queues = cli::open_queues(*config_, *metrics_, runtime, kHandover);
  REQUIRE(queues.ok());
  auto callbacks = cli::open_callback_stores(*config_, cli::queues_with_callbacks(*config_), *metrics_, kHandover);
  REQUIRE(callbacks.ok());
  gateway_ = std::make_unique<core::Gateway>(runtime, config_, *metrics_, std::move(*queues), 5, std::move(*callbacks));
  worker_ = std::make_unique<core::Worker>(runtime, *gateway_);
  listeners_ = std::make_unique<core::Listeners>(*worker_);
  REQUIRE(listeners_->listen().ok());
  replaying_ = std::make_unique<core::Replaying>(*worker_);
  admin_ = std::make_unique<admin::AdminService>(runtime, *gateway_, admin::Build{"9.9.9", "loopback"});
  REQUIRE(admin_->listen().ok());
}

void Fixture::restart() {
  replaying_.reset();
  listeners_.reset();
  worker_.reset();
  admin_.reset();
  gateway_.reset();
  start();
}

Fixture::~Fixture() {
  replaying_.reset();
  listeners_.reset();
  worker_.reset();
  admin_.reset();
  gateway_.reset();
  log_set_sink({});
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void Fixture::until(const char* what, const std::function<bool()>& ready) {
  net::Timer tick(runtime, [] {});
  const Time give_up = runtime.now() + 30s;
  while (!ready()) {
    if (runtime.now() > give_up) FAIL("timed out: " << std::string(what));
    if (!tick.active()) tick.start_after(50ms);
    runtime.run_once();
  }
}

Reply Fixture::next(test::RawClient& client, bool to_head) {
  Reply reply;
  until("a whole response", [&] {
    reply = take_reply(&client.received, to_head, client.ended);
    return reply.whole || client.over();
  });
  return reply;
}

std::unique_ptr<test::RawClient> Fixture::tls_client(std::string first, net::TlsClientConfig config) {
  config.ca_file = test::Authority::of_program().ca_file();
  const auto plainly = [this](net::ConnectCallback done) { return runtime.connect(address(), std::move(done)); };
  const auto over_tls = [&](net::ConnectCallback done) {
    return net::connect_tls(runtime, {test::client_context(config), {"127.0.0.1", "it"}, 5s}, plainly, std::move(done));
  };
  return std::make_unique<test::RawClient>(over_tls, std::move(first));
}

Reply Fixture::ask(const std::string& request, const char* what) {
  const auto asker = client(request);
  Reply reply;
  until(what, [&] {
    reply = take_reply(&asker->received, request.starts_with("HEAD "), asker->ended);
    return reply.whole || asker->over();
  });
  return reply;
}

std::string Fixture::status_of(const std::string& id) { return ask(get("/_jobs/" + id)).json().at("status"); }

void Fixture::until_status(const std::string& id, const std::string& status) {
  until(("job " + id + " is " + status).c_str(), [&] { return status_of(id) == status; });
}

void Fixture::let_others_succeed() {
  const Time always = runtime.now() + std::chrono::hours(1);
  for (const core::ListenerRoutes& listener : gateway_->table()->listeners()) {
    for (const core::RouteState& route : listener.routes) {
      route.policy.health->note(policy::AttemptResult::response, 200, always);
    }
  }
}

Reply Fixture::ask_admin(const std::string& request) {
  test::RawClient asker(runtime, admin_->address(), request);
  return next(asker);
}

double Fixture::metric(const std::string& name, const std::vector<std::string>& labels) {
  const std::string text = admin("/metrics").body;
  double sum = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    if (!line.starts_with(name + "{") && !line.starts_with(name + " ")) continue;
    const bool all = std::all_of(labels.begin(), labels.end(),
                                 [&](const std::string& label) { return line.find(label) != std::string::npos; });
    if (all) sum += std::stod(line.substr(line.rfind(' ') + 1));
  }
  return sum;
}

std::vector<nlohmann::json> Fixture::logged(const std::string& outcome) const {
  std::vector<nlohmann::json> found;
  for (const std::string& line : log) {
    const nlohmann::json entry = nlohmann::json::parse(line);
    const std::string event = entry.at("event");
    if (event != "request" && event != "request_refused") continue;
    if (entry.at("outcome") == outcome) found.push_back(entry);
  }
  return found;
}

void Fixture::close_queue() {
  bool closed = false;
  queue().close(runtime, [&] { closed = true; });
  until("the queue is closed", [&] { return closed; });
}

test::ConfigBuilder usual_config() {
  return test::ConfigBuilder()
      .listener(
          "address: 127.0.0.1:0,"
          "limits: {header_bytes: 2KiB, headers: 20, body: 64KiB, header_timeout: 200ms, body_timeout: 200ms}")
      .upstream("up", R"(endpoints: ["{UP}"])")
      .upstream("raw", R"(endpoints: ["{RAW}"])")
      .upstream("dead", R"(endpoints: ["http://127.0.0.1:1"])")
      .upstream("guarded", R"(endpoints: ["{UP}"],
                breaker: {consecutive_failures: 2, failure_ratio: 0, open_for: 60s, open_for_max: 60s})")
      .upstream("narrow", R"(endpoints: ["{UP}"], breaker: {}, bulkhead: {max_concurrent: 1, max_waiting: 0})")
      .upstream("kept", R"(endpoints: ["{UP}"])")
      .queue("jobs", R"(url: "sqlite://{DIR}/jobs.db", max_jobs: 3,
             replay: {concurrency: 2, max_attempts: 2, timeout: 5s, backoff: {base: 20ms, max: 20ms, jitter: none}})")
      .route("plain", "match: {path: /plain*}, upstream: up")
      .route("stream", "match: {path: /stream}, upstream: up, buffering: off")
      .route("get_only", "match: {methods: [GET], path: /get-only}, upstream: up")
      .route("limited", "match: {path: /limited}, upstream: up, rate_limit: {key: global, rate: 1/m, burst: 2}")
      .route("hasty", "match: {path: /hasty*}, upstream: up, timeout: {total: 200ms, idle: 200ms}")
      .route("guarded", "match: {path: /guarded}, upstream: guarded")
      .route("narrow", "match: {path: /narrow}, upstream: narrow")
      .route("dead", "match: {path: /dead}, upstream: dead")
      .route("raw", "match: {path: /raw}, upstream: raw")
      .route("job", "match: {path: /job*}, upstream: dead, fallback: {enqueue: {queue: jobs, max_body: 32KiB}}")
      .route("streamed_job",
             "match: {path: /streamed-job}, upstream: dead, buffering: off, fallback: {enqueue: {queue: jobs, "
             "max_body: 32KiB}}")
      .route("later",
             "match: {path: /later*}, upstream: kept, fallback: {on: [503], enqueue: {queue: jobs, max_body: 32KiB}}")
      .route("sorry",
             "match: {path: /sorry}, upstream: dead,"
             "fallback: {respond: {status: 200, content_type: text/plain, body: \"try later\"}}");
}

}  // namespace tidegate::loopback
