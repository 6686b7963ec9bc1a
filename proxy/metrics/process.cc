// The process_* metrics of Prometheus client libraries, read from /proc: prometheus-cpp has no collector for them.
#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "metrics/families.h"

namespace tidegate::metrics {

namespace {

// The fields of /proc/self/stat after the command's name; [0] is the state.
std::vector<std::string> stat_fields() {
  std::ifstream file("/proc/self/stat");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream fields(text.substr(name_end + 1));
  return {std::istream_iterator<std::string>(fields), {}};
}

double boot_time_s() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("btime ")) return std::stod(line.substr(6));
  }
  return 0;
}

int open_descriptors() {
  DIR* folder = opendir("/proc/self/fd");
  if (!folder) return 0;
  int count = -3;  // without ".", ".." and the descriptor of this scan
  while (readdir(folder)) ++count;
  closedir(folder);
  return count;
}

void add(std::string& text, const char* name, const char* kind, const char* help, double value) {
  fmt::format_to(std::back_inserter(text), "# HELP {0} {2}\n# TYPE {0} {1}\n{0} {3}\n", name, kind, help, value);
}

}  // namespace

std::string process_metrics() {
  const std::vector<std::string> stat = stat_fields();
  if (stat.size() < 22) return "";
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  const auto number = [&](size_t index) { return std::stod(stat[index]); };
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  std::string text;
  add(text, "process_cpu_seconds_total", "counter", "User and system CPU time in seconds",
      (number(11) + number(12)) / ticks);
  add(text, "process_resident_memory_bytes", "gauge", "Resident memory size in bytes",
      number(21) * static_cast<double>(sysconf(_SC_PAGESIZE)));
  add(text, "process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes", number(20));
  add(text, "process_start_time_seconds", "gauge", "Start time of the process, in seconds since the Unix epoch",
      boot_time_s() + number(19) / ticks);
  add(text, "process_threads", "gauge", "Threads of the process", number(17));
  add(text, "process_open_fds", "gauge", "Open file descriptors", open_descriptors());
  add(text, "process_max_fds", "gauge", "Limit of open file descriptors", static_cast<double>(files.rlim_cur));
  return text;
}

}  // namespace tidegate::metrics
