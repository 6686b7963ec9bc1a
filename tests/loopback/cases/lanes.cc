#include "loopback/cases/lanes.h"

#include <deque>

#include "net/tls/tls_handshake.h"

namespace tidegate::loopback {

namespace {

constexpr Duration kRunMax = 60s;
constexpr size_t kWrongMax = 50;  // then no more are begun: those that hang would take a minute each

// Time-outs that no loaded machine runs into.
constexpr const char* kPatient =
    "limits: {body: 128MiB, header_timeout: 10m, body_timeout: 10m, write_timeout: 10m, min_rate: 0B/s}";
constexpr const char* kHasty = "limits: {body: 128MiB, header_timeout: 2s, body_timeout: 2s, idle_timeout: 2s}";
constexpr const char* kNarrow = "limits: {body: 64KiB}";
constexpr const char* kSmall = "limits: {body: 1MiB}";
constexpr const char* kTls = R"(, tls: {cert_file: "{CERT}", key_file: "{KEY}"})";

constexpr const char* kPatientRoute = "timeout: {total: 10m, per_try: 10m, response_header: 10m, idle: 10m}";
constexpr const char* kHastyRoute = "timeout: {total: 30s, per_try: 30s, response_header: 1s, idle: 1s}";

std::string listener_of(Road road) {
  if (road == Road::hasty) return kHasty;
  if (road == Road::small) return kSmall;
  if (road == Road::narrow) return kNarrow;
  return std::string(kPatient) + (road == Road::tls ? kTls : "");
}

// A route besides the one that takes all.
std::string special_route(Road road, const std::string& name) {
  const auto route = [&](const std::string& path, const std::string& settings) {
    return "    {name: " + name + "-" + path.substr(1) + ", match: {path: " + path + "}, " + settings + "},\n";
  };
  const std::string parks = "upstream: dead, fallback: {enqueue: {queue: jobs}}";
  switch (road) {
    case Road::limited: return route("/t", "upstream: " + name + ", rate_limit: {key: global, rate: 1/h, burst: 1}");
    case Road::down: return route("/t", parks) + route("/t2", "upstream: dead");
    case Road::narrow: return route("/t", "upstream: dead, fallback: {enqueue: {queue: jobs, max_body: 64KiB}}");
    case Road::mixed: return route("/t", parks);
    case Road::refused: return route("/case", "upstream: dead");
    case Road::blackhole: return route("/case", "upstream: hole");
    default: return "";
  }
}

std::string route_settings(Road road) {
  if (road == Road::hasty) return kHastyRoute;
  if (road == Road::impatient) return "timeout: {response_header: 100ms}";
  return std::string(kPatientRoute) + (road == Road::streaming ? ", buffering: off" : "");
}

const char* const kQueue = "queues: {jobs: {url: \"sqlite://{DIR}/jobs.db\"}}\n";

std::string name_of(Road road, size_t index) {
  return "lane" + std::to_string(static_cast<int>(road)) + "x" + std::to_string(index);
}

std::string first_config() {
  return test::ConfigBuilder()
      .upstream("dead", R"(endpoints: ["http://127.0.0.1:1"])")
      .queue("jobs", R"(url: "sqlite://{DIR}/jobs.db")")
      .route("all", "match: {path: /*}, upstream: dead");
}

}  // namespace

// A run on its lane; null: the lane is free.
struct Lanes::Car {
  Lane* lane;
  std::unique_ptr<Run> run;
  std::string name;
  Time give_up;
};

// The tasks of one road, and what is on it.
struct Lanes::Traffic {
  std::deque<Task> waiting;
  std::vector<Car> cars;
};

Lanes::Lanes(const std::map<Road, size_t>& roads) : fixture_(first_config()), blackhole_("127.0.0.1", 0) {
  const auto server = test::server_context(test::Authority::server_of_program());
  const auto client = test::client_context({test::Authority::of_program().ca_file()});
  for (const auto& [road, count] : roads) {
    for (size_t i = 0; i < count; ++i) {
      lanes_[road].push_back(std::make_unique<Lane>(fixture_.runtime, road == Road::tls ? server : nullptr));
    }
  }
  fixture_.reload(config(roads));
  size_t listener = 0;
  for (auto& [road, lanes] : lanes_) {
    for (auto& lane : lanes) {
      const auto plainly = [this, to = fixture_.listeners().address(listener++)](net::ConnectCallback done) {
        return fixture_.runtime.connect(to, std::move(done));
      };
      lane->connect = plainly;
      if (road != Road::tls) continue;
      lane->connect = [this, plainly, client](net::ConnectCallback done) {
        return net::connect_tls(fixture_.runtime, {client, {"127.0.0.1", "it"}, 30s}, plainly, std::move(done));
      };
    }
  }
}

std::string Lanes::config(const std::map<Road, size_t>& roads) const {
  std::string upstreams =
      "upstreams:\n  dead: {endpoints: [\"http://127.0.0.1:1\"]}\n  hole: {endpoints: [\"http://127.0.0.1:" +
      std::to_string(blackhole_.port()) + "\"], connect_timeout: 1s}\n";
  std::string listeners = "listeners:\n";
  for (const auto& [road, count] : roads) {
    for (size_t i = 0; i < count; ++i) {
      const std::string name = name_of(road, i);
      const bool is_tls = road == Road::tls;
      const std::string port = std::to_string(lanes_.at(road)[i]->upstream.address().port);
      upstreams += "  " + name + ": {endpoints: [\"" + (is_tls ? "https" : "http") + "://127.0.0.1:" + port + "\"]" +
                   (is_tls ? ", tls: {ca_file: \"{CA}\"}" : "") + "}\n";
      listeners += "  - {name: " + name + ", address: 127.0.0.1:0, " + listener_of(road) + ", routes: [\n" +
                   special_route(road, name) + "    {name: " + name + ", match: {path: /*}, upstream: " + name + ", " +
                   route_settings(road) + "}]}\n";
    }
  }
  return "log: {access: off}\nadmin: {address: \"127.0.0.1:0\", hosts: [example]}\n" + upstreams + kQueue + listeners;
}

void Lanes::run(std::vector<Task> tasks) {
  std::map<Road, Traffic> traffic;
  for (Task& task : tasks) traffic[task.road].waiting.push_back(std::move(task));
  for (auto& [road, on_road] : traffic) {
    for (const auto& lane : lanes_.at(road)) on_road.cars.push_back({lane.get(), nullptr, "", {}});
  }
  std::vector<std::string> wrong;
  net::Timer tick(fixture_.runtime, [] {});
  for (bool busy = true; busy;) {
    if (!tick.active()) tick.start_after(1ms);
    fixture_.runtime.run_once();
    busy = false;
    for (auto& [road, on_road] : traffic) {
      for (Car& car : on_road.cars) busy = drive(on_road, car, wrong) || busy;
    }
  }
  for (const std::string& each : wrong) FAIL_CHECK(each);
  CHECK(wrong.size() < kWrongMax);
  check_at_rest();
}

void Lanes::check_at_rest() {
  fixture_.until("no connection of a client is left", [&] { return fixture_.listeners().connections() == 0; });
  CHECK(fixture_.metric("tidegate_http_requests_in_flight") == 0);
  CHECK(fixture_.metric("tidegate_upstream_pending_requests") == 0);
  CHECK(fixture_.metric("tidegate_buffered_bytes") == 0);
}

// True: it is on its way.
bool Lanes::drive(Traffic& traffic, Car& car, std::vector<std::string>& wrong) {
  if (!car.run) {
    if (traffic.waiting.empty() || wrong.size() >= kWrongMax) return false;
    Task task = std::move(traffic.waiting.front());
    traffic.waiting.pop_front();
    car.name = std::move(task.name);
    car.give_up = fixture_.runtime.now() + kRunMax;
    car.run = task.begin(*car.lane);
  }
  car.lane->upstream.step();
  const bool given_up = fixture_.runtime.now() > car.give_up;
  if (!car.run->is_over_after_step() && !given_up) return true;
  std::string problem = car.run->judge();
  if (given_up) problem = "not over after a minute; " + problem;
  if (!problem.empty()) wrong.push_back(car.name + ": " + problem);
  car.run.reset();
  return true;
}

}  // namespace tidegate::loopback
