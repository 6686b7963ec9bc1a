#include "cli/jobs_command.h"

#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/admin_client.h"
#include "cli/commands.h"
#include "cli/jobs_text.h"
#include "http/target/percent.h"

namespace tidegate::cli {

using nlohmann::json;

namespace {

constexpr int kPage = 1000;

struct JobsOptions {
  std::string what;  // list, show, replay, purge
  std::string admin;
  std::string token;
  std::string queue;  // "" = the only one
  std::string id;     // one job; "" = many, by filter
  std::string status;
  std::string error;
  int limit = 100;
  bool all = false;
  std::string format = "text";
  std::string rate = "10/s";
  bool force = false;
  std::string reason;
  std::vector<const CLI::Option*> filters;  // those that select among many jobs
};

class JobsCommand {
 public:
  explicit JobsCommand(const JobsOptions& options)
      : options_(options),
        queue_option_(options.queue.empty() ? "" : " --queue " + options.queue),
        client_(options.admin, options.token) {}

  int run() {
    for (const CLI::Option* filter : options_.filters) {
      if (options_.id.empty() || filter->count() == 0) continue;
      return fail(kExitUsage,
                  fmt::format("{} is for many jobs, and an ID is one job: remove one of the two", filter->get_name()));
    }
    if (options_.queue.empty() && !find_queue()) return code_;
    if (options_.what == "list") return list();
    if (options_.what == "show") return show();
    if (options_.what == "replay") return options_.id.empty() ? replay_many() : replay_one();
    return options_.id.empty() ? purge_many() : purge_one();
  }

 private:
  int fail(int code, const std::string& message) {
    std::fprintf(stderr, "tidegate: %s\n", printable(message, 2000).c_str());
    return code_ = code;
  }
  int fail(const Error& error) { return fail(kExitRuntime, error.message); }
  bool as_json() const { return options_.format == "json"; }
  int print(const json& response, const std::string& text) {
    std::fputs(as_json() ? (response.dump() + "\n").c_str() : text.c_str(), stdout);
    return kExitOk;
  }

  // What a hint repeats: a command with the same target as this one.
  std::string command(std::string_view what) const {
    const std::string admin = options_.admin == default_admin_address() ? "" : " --admin " + options_.admin;
    return fmt::format("tidegate jobs {} {}{}{}", what, options_.id, queue_option_, admin);
  }

  // Without --queue: the only queue. False: there is none, or several.
  bool find_queue() {
    const auto response = client_.send("GET", "/api/queues");
    if (!response) return fail(response.error()) == kExitOk;
    std::string names;
    for (const json& queue : response->value("queues", json::array())) {
      options_.queue = queue.value("name", "");
      names += (names.empty() ? "" : ", ") + options_.queue;
    }
    if (options_.queue.empty()) return fail(kExitRuntime, "this Tidegate has no queue") == kExitOk;
    if (names == options_.queue) return true;
    return fail(kExitUsage, "there are several queues; choose one with --queue: " + names) == kExitOk;
  }

  std::string target(std::string_view rest) const { return "/api/queues/" + options_.queue + std::string(rest); }
  std::string job() const { return target("/jobs/") + http::percent_encode(options_.id); }
  std::string filter(int limit) const {
    return fmt::format("status={}&error={}&limit={}", http::percent_encode(options_.status),
                       http::percent_encode(options_.error), limit);
  }
  json body() const {
    return options_.force ? json{{"force", true}, {"reason", options_.reason}} : json{{"reason", options_.reason}};
  }
  std::string reason_parameter() const { return "reason=" + http::percent_encode(options_.reason); }

  int list() {
    json jobs = json::array();
    std::string after;
    // A page can be short although more follow: the interface reads a bounded number of jobs for each page.
    const auto wanted = [&] { return options_.all ? kPage : options_.limit - static_cast<int>(jobs.size()); };
    do {
      const auto page =
          client_.send("GET", target("/jobs?") + filter(wanted()) + "&after=" + http::percent_encode(after));
      if (!page) return fail(page.error());
      for (const json& each : page->value("jobs", json::array())) jobs.push_back(each);
      const auto next = page->find("next");
      after = next != page->end() && next->is_string() ? next->get<std::string>() : "";
    } while (!after.empty() && wanted() > 0);
    if (jobs.empty()) return print(json{{"jobs", jobs}}, "No matching jobs.\n");
    const std::string more = after.empty() ? "" : "There are more jobs: use --limit or --all.\n";
    return print(json{{"jobs", jobs}, {"more", !after.empty()}}, jobs_table(jobs) + more);
  }

  int show() {
    const auto response = client_.send("GET", job());
    return response ? print(*response, job_text(*response, command("replay"), command("purge")))
                    : fail(response.error());
  }

  int replay_one() {
    const auto response = client_.send("POST", job() + "/replay", body());
    if (!response) return fail(response.error());
    return print(*response, fmt::format("Job {} is queued again. To follow it: {}\n", options_.id, command("show")));
  }

  int replay_many() {
    if (!options_.all && options_.error.empty()) {
      return fail(kExitUsage, "give a job ID, or select jobs with --error TEXT or --all");
    }
    json request = body();
    request["error"] = options_.error;
    request["rate"] = options_.rate;
    request["limit"] = options_.all ? 100'000 : options_.limit;
    const auto response = client_.send("POST", target("/replay"), request);
    if (!response) return fail(response.error());
    return print(*response, fmt::format("Replaying the dead jobs of {} at {}. For its progress, see `bulk_replay` in "
                                        "http://{}/api/status\n",
                                        options_.queue, options_.rate, options_.admin));
  }

  int purge_one() {
    const auto response = client_.send("DELETE", job() + "?" + reason_parameter());
    if (!response) return fail(response.error());
    const bool cancelled = response->value("done", "") == "cancelled";
    if (!cancelled) return print(*response, fmt::format("Job {} is deleted.\n", options_.id));
    return print(*response, fmt::format("Job {} is cancelled. To delete it: {}\n", options_.id, command("purge")));
  }

  int purge_many() {
    if (options_.status.empty()) return fail(kExitUsage, "give a job ID, or select jobs with --status, such as dead");
    uint64_t purged = 0;
    bool more = false;
    do {
      const auto response = client_.send(
          "DELETE", target("/jobs?") + filter(options_.all ? kPage : options_.limit) + "&" + reason_parameter());
      if (!response) return fail(response.error());
      const uint64_t now = response->value("purged", uint64_t{0});
      purged += now;
      more = response->value("more", false) && now > 0;
    } while (options_.all && more);
    return print(json{{"purged", purged}, {"more", more}},
                 fmt::format("Deleted {} job{}.{}\n", purged, purged == 1 ? "" : "s",
                             more ? " There are more jobs: use --limit or --all." : ""));
  }

  JobsOptions options_;
  const std::string queue_option_;  // as given
  AdminClient client_;
  int code_ = kExitOk;
};

void add_common(CLI::App& command, JobsOptions& options) {
  add_admin_option(command, options.admin);
  add_token_option(command, options.token);
  command.add_option("--queue", options.queue, "Name of the queue; required only if there are several");
  command.add_option("--format", options.format, "Output format: text or json")->check(CLI::IsMember({"text", "json"}));
  command.callback([&options, name = command.get_name()] { options.what = name; });
}

void add_filter(CLI::App& command, JobsOptions& options) {
  options.filters.push_back(
      command.add_option("--error", options.error, "Only jobs whose last error contains this text, such as 503"));
  options.filters.push_back(command.add_option("--limit", options.limit, "Maximum number of jobs")
                                ->capture_default_str()
                                ->check(CLI::Range(1, kPage)));
  options.filters.push_back(command.add_flag("--all", options.all, "All matching jobs"));
}

}  // namespace

std::function<int()> add_jobs_command(CLI::App& app) {
  auto options = std::make_shared<JobsOptions>();
  auto* jobs = app.add_subcommand("jobs", "List, show, replay and purge the jobs of a running Tidegate");
  jobs->require_subcommand(1);
  const char* const statuses =
      "Only jobs with this status: queued, running, retrying, succeeded, dead, cancelled or expired";

  auto* list = jobs->add_subcommand("list", "List jobs, oldest first");
  list->add_option("--status", options->status, statuses);
  add_filter(*list, *options);

  auto* show = jobs->add_subcommand("show", "Show one job with its history");
  show->add_option("ID", options->id, "ID of the job")->required();

  auto* replay = jobs->add_subcommand("replay", "Queue dead jobs again");
  replay->add_option("ID", options->id, "ID of the job; without it, select jobs with the options");
  add_filter(*replay, *options);
  options->filters.push_back(
      replay->add_option("--rate", options->rate, "Rate of a replay of many jobs")->capture_default_str());
  replay->add_flag("--force", options->force,
                   "Do not skip jobs that have been replayed three times and failed each time");
  replay->add_option("--reason", options->reason, "Reason for the log");

  auto* purge = jobs->add_subcommand("purge", "Delete finished jobs; cancel a waiting job");
  purge->add_option("ID", options->id, "ID of the job; without it, select jobs with the options");
  options->filters.push_back(purge->add_option("--status", options->status,
                                               "Only jobs with this status: succeeded, dead, cancelled or expired"));
  add_filter(*purge, *options);
  purge->add_option("--reason", options->reason, "Reason for the log");

  for (CLI::App* each : {list, show, replay, purge}) add_common(*each, *options);
  return [options] { return JobsCommand(*options).run(); };
}

}  // namespace tidegate::cli
