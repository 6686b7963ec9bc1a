// queues.NAME.
#include "config/sections.h"
#include "config/values.h"

namespace tidegate::config {

namespace {

constexpr int64_t kJobsMax = 1'000'000'000;

void read_results(Section& section, Queue& out) {
  section.unsupported_text("url", "results in another store than the queue's own; leave it empty");
  section.duration("ttl", out.results_ttl, 1s);
}

// The spool serves queues on a server. Its shipped place may stand there: it asks for nothing.
void read_spool(Section& section) {
  std::string spool;
  if (!section.text("spool", spool) || spool.empty() || spool == "/var/lib/tidegate/spool.db") return;
  section.unsupported("spool", "a spool for queues on a server; leave it out");
}

void read_durability(Section& section) {
  bool strict = true;
  if (section.choice<bool>("durability", strict, {{"strict", true}, {"relaxed", false}}) && !strict) {
    section.unsupported("durability", "`relaxed`; the only value is `strict`");
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
  if (section.require("url")) {
    section.parsed("url", out.url.emplace<SqliteUrl>().path,
                   "a queue's URL such as `sqlite:///var/lib/tidegate/jobs.db`", parse_sqlite_url);
  }
  section.child("results", [&](Section& child) { read_results(child, out); });
  read_spool(section);
  read_durability(section);
  section.integer("max_jobs", out.max_jobs, 1, kJobsMax);
  section.size("max_bytes", out.max_bytes, 1 << 10, 1ull << 50);
  section.duration("job_ttl", out.job_ttl, 1s);
  section.child("replay", [&](Section& child) { read_replay(child, out.replay); });
}

}  // namespace tidegate::config
