// queues.NAME.
#include "config/sections/sections.h"
#include "config/url_tls.h"
#include "config/values/urls.h"

namespace tidegate::config {

namespace {

constexpr int64_t kJobsMax = 1'000'000'000;
constexpr Duration kAmqpHandshakeMax = 10s;  // nothing interrupts it: the end of the process waits for it

// `known`, below: the queue's URL is valid, so its kind is known.
bool on_server(const Queue& queue) { return !std::holds_alternative<SqliteUrl>(queue.url); }
bool on_amqp(const Queue& queue) { return std::holds_alternative<AmqpUrl>(queue.url); }

void read_tls_of(Section& section, std::optional<net::TlsClientConfig>* tls) {
  std::optional<net::TlsClientConfig> none;
  read_server_tls(section, tls ? *tls : none);
}

// A message broker stores messages, not records: only a queue on one has its results elsewhere.
void read_results_url(Section& section, bool known, Queue& out) {
  const auto url = section.find("url");
  if (!url || (url->node->kind == Node::Kind::scalar && url->node->text.empty())) return;
  if (known && !on_amqp(out)) {
    return section.error("url", "only a queue on amqp:// stores its results elsewhere; remove this key");
  }
  section.parsed("url", out.results_url.emplace(), "`sqlite:///PATH` or `redis://HOST:PORT/DATABASE`",
                 parse_results_url);
}

void read_results(Section& section, bool known, Queue& out) {
  section.duration("ttl", out.results_ttl, 1s);
  read_results_url(section, known, out);
  read_tls_of(section, tls_of(out.results_url));
}

// A queue in a file may have the default spool path: as after a change of its URL from one kind to the other.
void read_spool(Section& section, bool known, Queue& out) {
  const std::string default_path = out.spool_path;
  section.parsed("spool", out.spool_path, "an absolute file path", parse_file_path);
  if (known && !on_server(out) && out.spool_path != default_path) {
    section.error("spool", "only a queue on redis:// or amqp:// has a spool; remove this key");
  }
}

void read_durability(Section& section, bool known, Queue& out) {
  section.choice<bool>("durability", out.strict_durability, {{"strict", true}, {"relaxed", false}});
  if (known && !out.strict_durability && !std::holds_alternative<redis::Address>(out.url)) {
    section.error("durability", "only a queue on redis:// can be `relaxed`");
  }
}

void read_replay(Section& section, Replay& out) {
  section.integer("concurrency", out.concurrency, 1, 10'000);
  section.integer("max_attempts", out.max_attempts, 1, 1'000);
  section.duration("timeout", out.timeout);
  section.child("backoff", [&](Section& child) { read_backoff(child, out.backoff); });
}

}  // namespace

void read_queue(Section& section, Queue& out) {
  const bool known =
      section.require("url") &&
      section.parsed("url", out.url, "a queue URL such as `sqlite:///var/lib/tidegate/jobs.db`", parse_queue_url);
  read_tls_of(section, tls_of(out.url));
  const auto* amqp = std::get_if<AmqpUrl>(&out.url);
  if (amqp && amqp->tls && amqp->tls->handshake_timeout > kAmqpHandshakeMax) {
    section.error("tls", "handshake_timeout must be at most 10s with amqps://: the end of the process waits for it");
  }
  section.child("results", [&](Section& child) { read_results(child, known, out); });
  if (on_amqp(out) && !out.results_url) {
    section.error("results",
                  "`url` is required: a queue on amqp:// stores its records and results in `sqlite:///PATH` or "
                  "`redis://HOST:PORT/DATABASE`");
  }
  read_spool(section, known, out);
  read_durability(section, known, out);
  section.integer("max_jobs", out.max_jobs, 1, kJobsMax);
  section.size("max_bytes", out.max_bytes, 1 << 10, 1ull << 50);
  section.size("min_free_disk", out.min_free_disk, 0, 1ull << 50);
  section.duration("job_ttl", out.job_ttl, 1s);
  section.child("replay", [&](Section& child) { read_replay(child, out.replay); });
}

}  // namespace tidegate::config
