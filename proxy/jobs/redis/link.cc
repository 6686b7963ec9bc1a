#include "jobs/redis/link.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/log.h"

namespace tidegate::jobs {

namespace {

redis::ClientOptions client_options(const RedisQueueOptions& options) {
  redis::ClientOptions client;
  client.command_timeout = options.command_timeout;
  client.tls = options.tls;
  client.pending_max = options.pending_max * 4;
  client.pending_bytes_max = 256 << 20;  // bodies of one piece go with their scripts; larger ones wait (blob.h)
  return client;
}

// Whether the server's error, after "redis: ", is one of these.
bool is_one_of(const std::string& error, std::initializer_list<const char*> words) {
  constexpr size_t kAfter = sizeof "redis: " - 1;
  return std::any_of(words.begin(), words.end(),
                     [&](const char* word) { return error.compare(kAfter, std::strlen(word), word) == 0; });
}

}  // namespace

std::string durability_problem(const redis::Reply& settings) {
  std::map<std::string, std::string> found;
  for (size_t i = 0; i + 1 < settings.items.size(); i += 2) found[settings.items[i].text] = settings.items[i + 1].text;
  const auto differs = [&](const char* name, const char* needed) -> std::string {
    const auto entry = found.find(name);
    const std::string value = entry == found.end() ? "no value" : entry->second;
    if (value == needed) return "";
    return std::string("redis: durability strict needs ") + name + " " + needed + ", the server has " + value;
  };
  for (const auto& [name, needed] : {std::pair{"appendonly", "yes"}, std::pair{"appendfsync", "always"},
                                     std::pair{"no-appendfsync-on-rewrite", "no"}}) {
    if (std::string problem = differs(name, needed); !problem.empty()) return problem;
  }
  // Records have no time to live: only the policies of `allkeys` would evict them.
  const std::string policy = found["maxmemory-policy"];
  if (found["maxmemory"] != "0" && policy.rfind("allkeys", 0) == 0) {
    return "redis: durability strict needs a maxmemory-policy that evicts no records, the server has " + policy;
  }
  return "";
}

RedisLink::RedisLink(net::Runtime& runtime, const RedisQueueOptions& options, Events events)
    : runtime_(runtime),
      options_(options),
      events_(std::move(events)),
      prefix_("tidegate:{" + options.name + "}:"),
      consumer_("tidegate-" + to_hex(runtime.random_id())),
      client_(runtime, options.address, client_options(options)),
      poll_timer_(runtime, [this] { poll(); }) {
  client_.on_change([this] { on_client_change(); });
  poll_timer_.start_after(options_.poll_every);
}

void RedisLink::on_client_change() {
  if (client_.ready()) return check();
  const std::string why = client_.why_not_ready();
  become_unavailable(State::disconnected,
                     client_.address().shown() + ": " + (why.empty() ? "the connection was lost" : why));
}

void RedisLink::keep(uint64_t flight, std::unique_ptr<net::Operation> operation) {
  flights_.emplace(flight, std::move(operation));
}

std::unique_ptr<net::Operation> RedisLink::take_flight(uint64_t flight) {
  return std::move(flights_.extract(flight).mapped());
}

void RedisLink::ask(std::vector<std::string> command, std::function<void(Result<redis::Reply>)> done) {
  const uint64_t flight = next_flight_++;
  keep(flight, client_.ask(std::move(command), [this, flight, done = std::move(done)](Result<redis::Reply> reply) {
    const auto call = done;
    const auto operation = take_flight(flight);
    if (!reply) return call(to_outage(reply.error()));
    if (reply->is_error()) return call(Error{ErrorCode::unavailable, "redis: " + reply->text});
    call(std::move(reply));
  }));
}

void RedisLink::send(const redis::Script& script, const std::vector<std::string>& arguments, Done done) {
  const uint64_t flight = next_flight_++;
  keep(flight,
       client_.run(script, {prefix_}, arguments, [this, flight, done = std::move(done)](Result<redis::Reply> reply) {
         const auto call = done;
         const auto operation = take_flight(flight);
         const auto parsed = to_script_reply(std::move(reply));
         on_reply(parsed);
         call(parsed);
       }));
}

// What every reply shows about the server.
void RedisLink::on_reply(const Result<ScriptReply>& reply) {
  if (reply.ok()) {
    if (state_ != State::ready) return;
    QueueView view = reply->view;
    view.available = full_.empty();
    view.why_unavailable = full_;
    return events_.on_view(std::move(view));
  }
  if (state_ != State::ready || !client_.ready()) return;
  const std::string& reason = reply.error().message;
  if (is_one_of(reason, {"OOM"})) {
    if (full_.empty()) log_warn("queue_server_full", {{"queue", options_.name}, {"reason", reason}});
    full_ = reason;
    events_.on_unavailable(reason);
  } else if (is_one_of(reason, {"READONLY", "MISCONF", "LOADING", "NOREPLICAS", "MASTERDOWN", "CLUSTERDOWN", "NOPERM",
                                "NOAUTH", "NOGROUP", "BUSY"})) {
    become_unavailable(State::refused, reason);
  }
}

void RedisLink::run(const redis::Script& script, std::vector<std::string> arguments, Done done) {
  if (!ready()) return done(unavailable());
  send(script, arguments, std::move(done));
}

std::vector<std::string> RedisLink::as_member(const std::vector<std::string>& arguments) const {
  std::vector<std::string> all{consumer_, std::to_string(joins_)};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

void RedisLink::run_as_member(const redis::Script& script, std::vector<std::string> arguments, Done done) {
  if (!ready()) return done(unavailable());
  auto all = as_member(arguments);
  send(script, all,
       [this, &script, arguments = std::move(arguments), done = std::move(done)](Result<ScriptReply> reply) {
         if (!reply.ok() || !reply->is("stale") || !ready()) return done(std::move(reply));
         join([this, &script, arguments, done] {
           if (!ready()) return done(unavailable());
           send(script, as_member(arguments), done);
         });
       });
}

void RedisLink::check() {
  state_ = State::checking;
  if (!options_.strict) return join({});
  ask_settings();
}

void RedisLink::ask_settings() {
  ask({"CONFIG", "GET", "appendonly", "appendfsync", "no-appendfsync-on-rewrite", "maxmemory", "maxmemory-policy"},
      [this](const Result<redis::Reply>& reply) { on_settings(reply); });
}

// Whether the server has memory again.
void RedisLink::probe_memory() {
  ask({"HSET", key("meta"), "probe", "1"}, [this](const Result<redis::Reply>& reply) {
    if (reply.ok()) full_.clear();
  });
}

void RedisLink::on_settings(const Result<redis::Reply>& reply) {
  if (!client_.ready()) return;
  if (!reply)
    return become_unavailable(State::refused,
                              "redis: durability strict must read CONFIG GET appendonly: " + reply.error().message);
  if (const std::string problem = durability_problem(*reply); !problem.empty())
    return become_unavailable(State::refused, problem);
  if (state_ == State::checking) join({});
}

void RedisLink::join(std::function<void()> joined) {
  if (state_ != State::ready) state_ = State::joining;
  ++joins_;
  auto arguments = as_member(events_.jobs_held());
  send(scripts_.prepare, arguments, [this, joined = std::move(joined)](const Result<ScriptReply>& reply) {
    if (!client_.ready()) {
      if (joined) joined();
      return;
    }
    if (!reply) {
      become_unavailable(State::refused, reply.error().message);
    } else if (state_ == State::joining) {
      state_ = State::ready;
      reason_.clear();
      log_info("queue_server_recovered", {{"queue", options_.name}, {"server", options_.address.shown()}});
      on_reply(reply);
      events_.on_joined();
    }
    if (joined) joined();
  });
}

void RedisLink::poll() {
  poll_timer_.start_after(options_.poll_every);
  if (state_ == State::refused && client_.ready()) return check();
  if (!ready()) return;
  if (options_.strict) ask_settings();
  if (!full_.empty()) probe_memory();
  send(scripts_.view, {}, [this](const Result<ScriptReply>& reply) {
    if (reply.ok() && ready()) events_.on_poll();
  });
}

void RedisLink::become_unavailable(State state, const std::string& reason) {
  if (reason_ != reason) log_warn("queue_server_unavailable", {{"queue", options_.name}, {"reason", reason}});
  reason_ = reason;
  state_ = state;
  events_.on_unavailable(reason_);
}

void RedisLink::leave(const std::vector<std::string>& claims, std::function<void()> done) {
  if (!ready()) return done();
  std::vector<std::string> arguments{consumer_};
  arguments.insert(arguments.end(), claims.begin(), claims.end());
  send(scripts_.leave, arguments, [done = std::move(done)](const Result<ScriptReply>&) { done(); });
}

}  // namespace tidegate::jobs
