#include "cli/jobs_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

namespace tidegate::cli {

using nlohmann::json;

namespace {

constexpr size_t kCellBytesMax = 60;
constexpr size_t kSentenceBytesMax = 1000;

// The text of a member; "": it is absent or null.
std::string text_of(const json& job, const char* name) {
  const auto found = job.find(name);
  if (found == job.end() || found->is_null()) return "";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

std::string request_of(const json& job) { return text_of(job, "method") + " " + text_of(job, "target"); }

std::string attempts_of(const json& job) { return text_of(job, "attempt") + "/" + text_of(job, "max_attempts"); }

std::string age_of(const json& job) { return short_age(job.value("age_s", 0.0)); }

using Row = std::array<std::string, 8>;

Row row_of(const json& job) {
  return {text_of(job, "job_id"),
          text_of(job, "status"),
          attempts_of(job),
          text_of(job, "deferrals"),
          age_of(job),
          text_of(job, "result_status"),
          printable(request_of(job), kCellBytesMax),
          printable(text_of(job, "last_error"), kCellBytesMax)};
}

std::string deferral_note(int deferrals) {
  if (deferrals == 0) return "";
  return deferrals == 1 ? "  (deferral)" : fmt::format("  (deferral, {} in a row)", deferrals);
}

std::string next_step(const json& job, const std::string& replay, const std::string& purge) {
  const std::string status = text_of(job, "status");
  if (status == "dead") return fmt::format("Replay it with `{}`, or delete it with `{}`.", replay, purge);
  if (std::string next = text_of(job, "next"); !next.empty()) {
    if (next[0] >= 'a' && next[0] <= 'z') next[0] = static_cast<char>(next[0] - 'a' + 'A');
    return printable(std::move(next), kSentenceBytesMax) + ".";
  }
  return fmt::format("It has finished; delete it with `{}`.", purge);
}

}  // namespace

std::string short_age(double seconds) {
  const auto whole = static_cast<int64_t>(std::max(0.0, seconds));
  if (whole < 120) return fmt::format("{}s", whole);
  if (whole < 120 * 60) return fmt::format("{}m", whole / 60);
  if (whole < 48 * 3600) return fmt::format("{}h", whole / 3600);
  return fmt::format("{}d", whole / 86400);
}

std::string printable(std::string text, size_t bytes_max) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = '?';
  }
  for (size_t i = 0; i + 1 < text.size(); ++i) {  // bytes 0x80 to 0x9f after 0xc2 are control characters too
    const auto next = static_cast<unsigned char>(text[i + 1]);
    if (text[i] == '\xc2' && next >= 0x80 && next < 0xa0) text[i] = text[i + 1] = '?';
  }
  if (text.size() <= bytes_max) return text;
  size_t end = bytes_max - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // not inside a character
  return text.substr(0, end) + "...";
}

std::string jobs_table(const json& jobs) {
  std::vector<Row> rows{{"ID", "STATUS", "ATTEMPTS", "DEFERRALS", "AGE", "RESULT", "REQUEST", "LAST ERROR"}};
  for (const json& job : jobs) rows.push_back(row_of(job));
  std::array<size_t, std::tuple_size_v<Row>> widths{};
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const Row& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) line += fmt::format("{:<{}}  ", row[i], widths[i]);
    out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return out;
}

std::string job_text(const json& job, const std::string& replay, const std::string& purge) {
  std::string out;
  const auto line = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) out += fmt::format("{:<14}{}\n", name, printable(value, 1000));
  };
  line("job", text_of(job, "job_id"));
  line("queue", text_of(job, "queue"));
  line("route", text_of(job, "route"));
  line("status", text_of(job, "status"));
  line("request", request_of(job));
  line("body", text_of(job, "body_bytes") + " bytes");
  line("body from", text_of(job, "body_ref"));
  line("attempts", attempts_of(job));
  line("deferrals", text_of(job, "deferrals"));
  line("replays", text_of(job, "replays"));
  line("accepted", text_of(job, "created_at") + " (" + age_of(job) + " ago)");
  line("next attempt", text_of(job, "next_attempt_at"));
  line("ended", text_of(job, "finished_at"));
  line("result", text_of(job, "result_status"));
  line("last error", text_of(job, "last_error"));
  const json history = job.value("history", json::array());
  if (!history.empty()) out += "history\n";
  for (const json& attempt : history) {
    const int deferrals = attempt.value("deferrals", 0);
    out += fmt::format("  {}  {:>7.3f}s  {}{}\n", text_of(attempt, "at"), attempt.value("took_s", 0.0),
                       printable(text_of(attempt, "error"), 200), deferral_note(deferrals));
  }
  return out + next_step(job, replay, purge) + "\n";
}

}  // namespace tidegate::cli
