#include "api/upload/upload_stats.h"

#include <fmt/format.h>

namespace tidegate::api {

namespace {

std::string gauge(std::string_view name, std::string_view help, uint64_t value) {
  return fmt::format("# HELP {0} {1}\n# TYPE {0} gauge\n{0} {2}\n", name, help, value);
}

}  // namespace

UploadStats::UploadStats() {
  for (const char* outcome : {"hit", "miss", "queued", "passed_on", "busy", "store_unavailable", "tidegate_unavailable",
                              "connect_failure", "timeout", "bad_upstream_response", "client_closed"}) {
    by_outcome_[outcome];
  }
}

void UploadStats::count(const char* outcome, Duration took) {
  Series& series = by_outcome_[outcome];
  ++series.count;
  series.took += took;
}

std::string UploadStats::to_text(const Gauges& gauges) const {
  std::string text =
      "# HELP watermark_api_upload_seconds Uploads by outcome, from their head to their answer.\n"
      "# TYPE watermark_api_upload_seconds summary\n";
  for (const auto& [outcome, series] : by_outcome_) {
    text += fmt::format("watermark_api_upload_seconds_sum{{outcome=\"{}\"}} {}\n", outcome, to_seconds(series.took));
    text += fmt::format("watermark_api_upload_seconds_count{{outcome=\"{}\"}} {}\n", outcome, series.count);
  }
  text += gauge("watermark_api_flights", "Keys that are being worked on.", gauges.flights);
  text += gauge("watermark_api_picture_bytes", "Pictures in memory for requests under way.", gauges.picture_bytes);
  return text + gauge("watermark_api_cache_bytes", "Results in the cache.", gauges.cache_bytes);
}

}  // namespace tidegate::api
